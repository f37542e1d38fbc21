"""The server: HTTP in and out.

Start with `application` (the routes), then `guard` (what stands before them) and `described` (what
OpenAPI says). `running` starts it. Needs FastAPI and uvicorn.
"""
