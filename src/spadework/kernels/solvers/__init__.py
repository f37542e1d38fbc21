"""Closed forms and descents: Gram matrices, inverses, factors.

Start with `dense_gram` and `dense_inverse`, which are all that EASE needs. `sparse_graph`,
`local_inverse` and `block_inverse` are the same for catalogues too large for one inverse;
`coordinate_descent` is SLIM, `als` implicit factors, `elsa_gradient` ELSA, `svd` the leading
singular vectors. BLAS is called on one thread from each of our own threads, so that the last bits
stay the same; only the inverse of more than 6,000 columns takes all threads.
"""
