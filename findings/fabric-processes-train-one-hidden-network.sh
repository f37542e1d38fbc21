#!/usr/bin/env bash
# Lightning Fabric 2.6.6 starts two processes on the processor (`strategy="ddp_spawn"`) that write to
# one and the same network when the network reaches the started function inside of another object, such
# as `functools.partial` or a dataclass: each step is then taken twice, and every run gives other
# numbers. Given as an argument of `launch`, the network is each process's own.
#
# torch 2.13.0 puts the tensors that it sends to a spawned process into shared memory, and Fabric copies
# back to private memory the modules among the arguments, not those further inside. Nothing fails:
# losses fall, and gradients are averaged as they should be.
#
# Valid input: a network of one layer; the first process adds 1 to its weights, then both look.
# Seen: as an argument the second process sees 0 and the tensor is not shared; inside of a partial it
# sees the 1 of the first process.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --retries 1 \
    --extra-index-url https://download.pytorch.org/whl/cpu \
    torch==2.13.0 lightning-fabric==2.6.6 numpy==2.4.6 2>/dev/null
cat >"$folder/train.py" <<'PY'
import sys
from functools import partial
from pathlib import Path

import torch
from lightning_fabric import Fabric

def look(fabric, net, folder):
    if fabric.global_rank == 0:
        with torch.no_grad():
            net.weight.add_(1.0)
    fabric.barrier()
    told = f"{net.weight.is_shared()} {float(net.weight[0, 0]):g}"
    (folder / str(fabric.global_rank)).write_text(told)
    fabric.barrier()

def swapped(fabric, task):
    task(fabric)

def net():
    layer = torch.nn.Linear(2, 2)
    torch.nn.init.zeros_(layer.weight)
    return layer

def main(how):
    folder = Path(sys.argv[2]) / how
    folder.mkdir()
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn")
    if how == "argument":
        fabric.launch(look, net(), folder)
    else:
        fabric.launch(swapped, partial(look, net=net(), folder=folder))
    print(how, "| first:", (folder / "0").read_text(), "| second:", (folder / "1").read_text())

if __name__ == "__main__":
    main(sys.argv[1])
PY
for how in argument hidden; do
    "$folder/venv/bin/python" -W ignore "$folder/train.py" $how "$folder" 2>/dev/null
done | tee "$folder/seen"
grep -q "^argument | first: False 1 | second: False 0$" "$folder/seen"
grep -q "^hidden | first: True 1 | second: True 1$" "$folder/seen"
echo "as described"
