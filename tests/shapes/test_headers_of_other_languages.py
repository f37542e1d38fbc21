"""Tables with headers in other languages than English: roles are found by their names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spadework.data.addresses import read_interactions
from spadework.data.reading.synonyms import SYNONYMS, plain_name

TABLES: dict[str, tuple[str, Callable[[int], str], dict[str, str]]] = {
    "German": (
        "Kundennummer;Bestellnummer;Artikelnummer;Menge;Bestelldatum",
        lambda at: f"{at % 7};{at // 2};{at * 5 % 11};{1 + at % 3};{1 + at % 28:02d}.01.2026",
        {"user": "Kundennummer", "item": "Artikelnummer", "weight": "Menge",
         "time": "Bestelldatum:day-first", "basket": "Bestellnummer"},
    ),
    "German, with a time of day": (
        "Kunde;Artikel;Stückzahl;Datum;Uhrzeit",
        lambda at: f"{at % 7};{at % 11};{1 + at % 3};{1 + at % 28:02d}.01.2026;{at % 24:02d}:00",
        {"user": "Kunde", "item": "Artikel", "weight": "Stückzahl",
         "time": "Datum+Uhrzeit:day-first"},
    ),
    "a German till, whose positions are lines": (
        "Bonnummer;Position;Artikel;Kunde;Datum",
        lambda at: f"{at // 3};{at % 3 + 1};a{at % 11};{at // 3 % 7};2026-01-{1 + at % 28:02d}",
        {"user": "Kunde", "item": "Artikel", "time": "Datum", "basket": "Bonnummer"},
    ),
    "French": (
        "Numéro client;Référence produit;Quantité;Date de commande;N° commande",
        lambda at: f"{at % 7};{at * 5 % 11};{1 + at % 3};{1 + at % 28:02d}/01/2026;{at // 2}",
        {"user": "Numéro client", "item": "Référence produit", "weight": "Quantité",
         "time": "Date de commande:day-first", "basket": "N° commande"},
    ),
    "Spanish": (
        "id_cliente,id_producto,cantidad,fecha,acción",
        lambda at: f"{at % 7},{at % 11},{1 + at % 3},2026-01-{1 + at % 28:02d},{at % 2}",
        {"user": "id_cliente", "item": "id_producto", "weight": "cantidad", "time": "fecha",
         "event": "acción"},
    ),
    "Portuguese, its date by its values": (
        "cliente,produto,quantidade,data,pedido",
        lambda at: f"{at % 7},{at % 11},{1 + at % 3},2026-01-{1 + at % 28:02d},{at // 2}",
        {"user": "cliente", "item": "produto", "weight": "quantidade", "time": "data",
         "basket": "pedido"},
    ),
    "Italian": (
        "Codice cliente;Codice articolo;Quantità;Data ordine",
        lambda at: f"{at % 7};{at % 11};{1 + at % 3};2026-01-{1 + at % 28:02d}",
        {"user": "Codice cliente", "item": "Codice articolo", "weight": "Quantità",
         "time": "Data ordine"},
    ),
    "Dutch": (
        "klantnummer;artikelnummer;aantal;datum",
        lambda at: f"{at % 7};{at % 11};{1 + at % 3};2026-01-{1 + at % 28:02d}",
        {"user": "klantnummer", "item": "artikelnummer", "weight": "aantal", "time": "datum"},
    ),
    "Russian": (
        "Клиент;Товар;Количество;Дата",
        lambda at: f"{at % 7};{at % 11};{1 + at % 3};2026-01-{1 + at % 28:02d}",
        {"user": "Клиент", "item": "Товар", "weight": "Количество", "time": "Дата"},
    ),
    "Chinese": (
        "用户ID,商品ID,行为类型,时间",
        lambda at: f"{at % 7},{at % 11},{('浏览', '购买')[at % 2]},2026年1月{1 + at % 28}日 9:05",
        {"user": "用户ID", "item": "商品ID", "event": "行为类型", "time": "时间"},
    ),
    "Chinese, wide letters": (
        "买家会员名,宝贝ＩＤ,购买数量,订单付款时间",
        lambda at: f"b{at % 7},{at % 11},{1 + at % 3},2026-01-{1 + at % 28:02d} 10:00:00",
        {"user": "买家会员名", "item": "宝贝ＩＤ", "weight": "购买数量", "time": "订单付款时间"},
    ),
    "Japanese": (
        "顧客ID,商品コード,数量,購入日時",
        lambda at: f"{at % 7},{at % 11},{1 + at % 3},2026/01/{1 + at % 28:02d} 10:00",
        {"user": "顧客ID", "item": "商品コード", "weight": "数量", "time": "購入日時"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("header", "row", "roles"), TABLES.values(), ids=TABLES)
def test_roles_are_found_by_their_names(
    tmp_path: Path, header: str, row: Callable[[int], str], roles: dict[str, str]
) -> None:
    path = tmp_path / "log.csv"
    path.write_text("\n".join([header, *map(row, range(60))]) + "\n", encoding="utf-8")
    account = read_interactions(path).account
    assert dict(account.columns) == roles
    assert account.used == 60


def test_words_are_written_as_names_are_compared() -> None:
    """Without case, accents and signs, and each in one place of its role."""
    for role, lines in SYNONYMS.items():
        words = [word for line in lines for word in line.split()]
        assert [word for word in words if plain_name(word) != word] == [], role
        assert len(words) == len(set(words)), sorted(w for w in words if words.count(w) > 1)
