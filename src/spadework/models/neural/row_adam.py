"""Adam for a table of which a step touches few rows: the updates of untouched rows are made up when
the rows are next read.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

WINDOW = 200
"""Steps after which a row's momentum moves it no further: (β₁ / √β₂)²⁰⁰ is below 10⁻⁸ for 0.9 and
0.98.
"""
TINY = 1e-30


class RowAdam(torch.optim.Optimizer):
    """Adam (Kingma and Ba, ICLR 2015) of one table [rows, width] whose gradient is sparse, in
    O(touched rows · width) a step.

    After a gradient at step t₀, Adam goes on moving a row while nothing touches it: at step t₀ + j
    by a(t₀ + j) · rʲ · m / √v, with r = β₁ / √β₂, its moments m and v of step t₀, and a(t) =
    rate(t) · √(1 − β₂ᵗ) / (1 − β₁ᵗ). The sum over j is the same number for all rows of one t₀, so
    `catch_up` makes up for it at once. That is Adam but for its ε, which counts in the steps of a
    gradient alone. PyTorch's `SparseAdam` leaves these moves out: where a step touches 7 rows of
    300, 500 steps move the table a quarter as far (docs/decisions/0013 has what that costs).
    """

    def __init__(
        self, table: Tensor, lr: float, betas: tuple[float, float], eps: float = 1e-8
    ) -> None:
        super().__init__([table], {"lr": lr, "betas": betas, "eps": eps})
        self.table = table

    @property
    def _held(self) -> dict[str, Any]:
        """The optimiser's state, created on the table's device when it is first needed: after the
        table was moved to a card.
        """
        table = self.table
        if not self.state[table]:
            self.state[table] = {
                "step": 0,
                "exp_avg": torch.zeros_like(table),
                "exp_avg_sq": torch.zeros_like(table),
                # the step that each row has come to
                "last": torch.zeros(len(table), dtype=torch.int64, device=table.device),
                "moves": torch.zeros(
                    WINDOW, dtype=table.dtype, device=table.device
                ),  # [steps] for each t₀ the sum of a(t₀ + j) · rʲ so far
            }
        held: dict[str, Any] = self.state[table]
        return held

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state; PyTorch returns whole numbers in the table's own type."""
        super().__setstate__(state)
        for held in self.state.values():
            held["last"] = held["last"].long()

    @torch.no_grad()
    def catch_up(self, rows: Tensor | None = None) -> None:
        """Move these distinct rows, or all, to where Adam would have them now: before they are
        read, and before the table is saved.
        """
        held, group = self._held, self.param_groups[0]
        last = held["last"] if rows is None else held["last"][rows]
        behind = last < held["step"]
        if rows is None:
            rows = torch.arange(len(self.table), device=self.table.device)
        rows, last = rows[behind], last[behind]
        mean, square = held["exp_avg"][rows], held["exp_avg_sq"][rows]
        self.table[rows] -= held["moves"][last][:, None] * mean / square.sqrt().clamp_min(TINY)
        steps = (held["step"] - last).to(mean.dtype)[:, None]
        held["exp_avg"][rows] = mean * group["betas"][0] ** steps
        held["exp_avg_sq"][rows] = square * group["betas"][1] ** steps
        held["last"][rows] = held["step"]

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step by the table's sparse gradient, whose rows have caught up. A `closure` is
        never called.
        """
        if self.table.grad is None:
            return
        held, group = self._held, self.param_groups[0]
        grad = self.table.grad.coalesce()
        rows, values = grad.indices()[0], grad.values()
        self.catch_up(rows)
        held["step"] += 1
        now, (beta, beta_2) = held["step"], group["betas"]
        correction = math.sqrt(1 - beta_2**now)
        rate = group["lr"] * correction / (1 - beta**now)
        mean = held["exp_avg"][rows].lerp_(values, 1 - beta)
        square = held["exp_avg_sq"][rows].mul_(beta_2).addcmul_(values, values, value=1 - beta_2)
        self.table[rows] -= rate * mean / (square.sqrt() + group["eps"] * correction)
        held["exp_avg"][rows], held["exp_avg_sq"][rows], held["last"][rows] = mean, square, now
        if now >= len(held["moves"]):
            held["moves"] = torch.cat([held["moves"], torch.zeros_like(held["moves"])])
        first = max(0, now - WINDOW)
        apart = torch.arange(now - first, 0, -1, device=rows.device)
        held["moves"][first:now] += rate * (beta / math.sqrt(beta_2)) ** apart
