"""Closed forms and descents: Gram matrices, inverses, factors.

Start with `dense_gram` and `dense_inverse`, which are all that EASE needs. `sparse_graph`,
`local_inverse` and `block_inverse` do the same for catalogues too large for one inverse;
`coordinate_descent` is for SLIM, `als` for implicit factors, `elsa_gradient` for ELSA, `svd` finds
the leading singular vectors. Do not touch the number of BLAS threads: BLAS is called on one thread
from each of our own threads, so that the last bits stay the same and no thread waits in a loop.
"""
