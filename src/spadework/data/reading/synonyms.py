"""Names that columns have in public data sets and in the exports of shops and trackers, by role."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

# Names without case, blanks, punctuation and typed suffixes. Of two lines, the upper one wins;
# within a line, two names are a tie.
_ENGLISH: Mapping[str, tuple[str, ...]] = {
    "user": (
        "userid user uid",
        "customeruniqueid fullvisitorid",
        "customerid clientid memberid visitorid householdid accountid reviewerid personid "
        "shopperid buyerid playerid profileid custid idcustomer idvisitor userpseudoid "
        "customeruserid "
        "subscriberid listenerid readerid borrowerid consumerid guestid patientid",
        (
            "customer client member visitor household account reviewer person shopper buyer "
            "player profile subscriber consumer"
        ),
        (
            "usercode customercode custcode customerno customernumber clientno cardid cardno "
            "loyaltyid msno sessionuser hhid householdkey membernumber"
        ),
        "username login",
        "useremail customeremail email billingemail emailbilling emailaddress",
        "domainuserid distinctid anonymousid networkuserid cookieid deviceid",
    ),
    "item": (
        "itemid item iid",
        "parentasin",
        "productid movieid articleid trackid songid bookid skuid gameid appid businessid venueid "
        "poiid placeid locationid newsid videoid animeid recipeid courseid jobid hotelid "
        "contentid goodsid offerid listingid adid asin isbn sku stockcode productcode prodcode "
        "prodid itemcode "
        "articleno productno barcode ean upc gtin documentid clickarticleid bookmarkid",
        "productsku itemsku lineitemsku variantsku lineitemproductid",
        "product movie article track song book game app business venue poi place location news "
        "video anime recipe course job hotel content goods offer listing",
        "artistid artist albumid album domain url trackuri spotifytrackuri",
        "artistmbid artistname idactionurl",
        "lineitemname itemname productname itemdescription tagid",
    ),
    "time": (
        "timestamp",
        "time datetime ts eventtime eventtimestamp timems utctimestamp",
        "transactiontimestamp transactiontime purchasetime ordertime clicktime viewtime "
        "createdat created createdtime unixreviewtime "
        "unixtime invoicedate orderdate purchasedate transactiondate tdat eventdate datetimeutc "
        "transactiondt orderpurchasetimestamp clicktimestamp ratingtimestamp checkintime "
        "servertime visitstarttime endtime dateadd interactiontime createtime creattime createdate "
        "creationdate dateadded",
        "derivedtstamp",
        "collectortstamp",
        "date day reviewtime reviewdate",
        "seqpos position",
    ),
    "weight": (
        "weight",
        "rating stars overall userrating bookrating movierating reviewrating",
        "quantity qty count plays playcount listens",
        "lineitemquantity productquantity qtyordered itemquantity quantityrefund",
        "eventvalue value",
        "score",
    ),
    "event": (
        "event eventtype eventname",
        "behavior behaviour behaviortype behaviourtype action actiontype interactiontype "
        "interaction feedbacktype activity activitytype eventaction useraction",
        "eventcategory eventkind eventcode",
        "type",
    ),
    "basket": (
        "basketid basket",
        "orderid invoiceno invoice invoiceid transactionid receiptid receiptno receipt "
        "ticketid ticketno ticket cartid idorder",
        "orderno ordernumber incrementid",
        "sessionid session visitid visit usersession gasessionid idvisit",
    ),
}
# German, Dutch, French, Spanish, Portuguese, Italian, Polish, Russian, Chinese, Japanese, Korean;
# without accents. Numbers of people and things stand above their names.
_ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "user": (
        (
            "kundennummer kundennr kundenid kundencode kundenkarte kdnr benutzerid nutzerid "
            "besucherid mitgliedsnummer klantnummer klantnr klantid gebruikerid "
            "idclient codeclient numeroclient numclient nclient idutilisateur idvisiteur "
            "idcliente clienteid codigocliente codcliente numerocliente ncliente nocliente "
            "idusuario usuarioid codicecliente codiceutente idutente idklienta iduzytkownika "
            "клиентid idклиента пользовательid idпользователя "
            "用户id 用户编号 会员id 会员编号 会员号 买家id 买家会员名 客户id 客户编号 顾客id "
            "顧客id 顧客番号 会員id 会員番号 ユーザーid ユーザid 고객id 고객번호 회원id 사용자id"
        ),
        (
            "kunde benutzer nutzer besucher mitglied kaufer klant gebruiker utilisateur acheteur "
            "membre cliente usuario utente comprador klient uzytkownik "
            "клиент пользователь покупатель 用户 会员 买家 客户 顾客 顧客 会員 ユーザー 고객 회원"
        ),
        "kundenname benutzername nomclient nombrecliente nomecliente",
    ),
    "item": (
        (
            "artikelnummer artikelnr artikelid artnr produktnummer produktnr produktid "
            "produktcode warennummer productnummer idproduit produitid codeproduit "
            "referenceproduit refproduit codearticle referencearticle refarticle idarticle "
            "idproducto productoid codigoproducto codproducto idarticulo codigoarticulo "
            "idproduto codigoproduto codproduto idprodotto codiceprodotto idarticolo "
            "codicearticolo codarticolo idproduktu kodproduktu idтовара товарid артикул кодтовара "
            "商品id 商品编号 商品编码 宝贝id 物品id 产品id 产品编号 货号 "
            "商品コード 商品番号 アイテムid 상품id 상품번호 상품코드"
        ),
        (
            "artikel produkt produit producto articulo produto prodotto articolo товар 商品 宝贝 "
            "产品 物品 アイテム 상품"
        ),
        "artikelname artikelbezeichnung produktname nomproduit nombreproducto nomeproduto 商品名称",
    ),
    "time": (
        "zeitstempel zeitpunkt horodatage fechahora datahora dataora 时间戳 行为时间 日時",
        (
            "bestelldatum kaufdatum rechnungsdatum auftragsdatum belegdatum besteldatum "
            "orderdatum datecommande datedecommande dateachat datedachat fechapedido fechacompra "
            "fechaventa datapedido datacompra datavenda dataordine dataacquisto "
            "下单时间 付款时间 购买时间 订单创建时间 订单付款时间 購入日時 注文日時 주문일시"
        ),
        "datum fecha дата 日期 时间 時間 日付 날짜",
    ),
    "weight": (
        "bewertung puntuacion calificacion valoracion avaliacao valutazione оценка 评分 評価 평점",
        (
            "menge anzahl stuckzahl stuck aantal quantite cantidad quantidade quantita ilosc "
            "количество 数量 购买数量 商品数量 個数 수량"
        ),
    ),
    "event": (
        (
            "ereignis ereignistyp aktion aktionstyp evenement typeevenement evento tipoevento "
            "accion acao azione событие 行为 行为类型 用户行为 事件 イベント 행동"
        ),
    ),
    "basket": (
        (
            "bestellnummer bestellnr bestellid bestellung auftragsnummer auftrag rechnungsnummer "
            "rechnungsnr rechnung belegnummer belegnr beleg bonnummer bonnr kassenbon bestelling "
            "bestelnummer idcommande numerocommande numcommande ncommande commande facture "
            "numerofacture idpanier panier idpedido numeropedido npedido nopedido pedido factura "
            "numerofactura idordine numeroordine nordine ordine fattura zamowienie "
            "заказ idзаказа номерзаказа чек 订单号 订单id 订单编号 订单 注文番号 注文id 주문번호"
        ),
    ),
}
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    role: (*lines, *_ELSEWHERE[role]) for role, lines in _ENGLISH.items()
}
SESSIONS = frozenset(SYNONYMS["basket"][3].split())
_CLOCK_NAMES = (
    "time timeofday clock hour hourmin transtime ordertime eventtime purchasetime transactiontime "
    "clicktime viewtime timestamp ts starttime invoicetime saletime salestime checkouttime logtime "
    "visittime timehhmm hhmm transactionhour uhrzeit zeit tijd heure hora ora godzina "
    "время 时间 時刻"
)
POSITIONS = frozenset(("seqpos", "position"))
"""Names of times that have no dates."""
TIMES_OF_DAY = frozenset(_CLOCK_NAMES.split())
"""Names of columns that may hold a time of day beside a date."""

_KINDS = (
    "view views viewed pageview viewitem itemview detailview productview detail click clicks "
    "clicked impression cart carts addtocart addcart tocart basket addtobasket removefromcart "
    "wishlist addtowishlist favorite favourite fav bookmark purchase purchased purchases buy "
    "bought order orders ordered checkout transaction sale like likes liked dislike share shared "
    "play played skip listen listened watch watched download install search rate rated comment "
    "follow subscribe pv lead conversion transact refund "
    "ansicht klick kauf gekauft warenkorb merkzettel vue clic achat panier compra comprar carrito "
    "visita visto ver comprado acquisto просмотр покупка "
    "浏览 点击 购买 收藏 加购 加购物车 下单 閲覧 購入"
)
EVENT_WORDS = frozenset(_KINDS.split())
"""Kinds of events as logs write them, without case and punctuation."""
_PURCHASES = (
    "purchase purchased purchases buy bought order ordered orders checkout transaction sale "
    "transact kauf gekauft achat compra comprado acquisto покупка 购买 下单 購入"
)
PURCHASES = frozenset(_PURCHASES.split())
"""Those of them after which the user has the item, so that it can come back."""


_ACCENTS = re.compile("[\u0300-\u036f]")


def plain_name(column: str) -> str:
    """A column's name without case, blanks, punctuation, accents and RecBole's typed suffix
    (`user_id:token`).
    """
    base = column.split(":")[0] if ":" in column else column
    if not base.isascii():
        bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", base))
        base = unicodedata.normalize("NFC", bare)
    return "".join(letter for letter in base.casefold() if letter.isalnum())


def hits_by_line(role: str, columns: list[str]) -> list[list[str]]:
    """Columns whose name means this role, of each line of synonyms that has some."""
    plain = {column: plain_name(column) for column in columns}
    found: list[list[str]] = []
    for line in SYNONYMS[role]:
        names = line.split()
        hits = [column for column in columns if plain[column] in names]
        if hits:
            found.append(hits)
    return found


def candidates(role: str, columns: Sequence[str]) -> list[str]:
    """Columns whose name means this role, of the best line of synonyms only."""
    return next(iter(hits_by_line(role, list(columns))), [])
