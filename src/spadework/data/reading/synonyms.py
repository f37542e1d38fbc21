"""Names that columns have in public data sets and in the exports of shops and trackers, by role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# Names without case, blanks, punctuation and typed suffixes. Of two lines, the upper one wins;
# within a line, two names are a tie.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
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
            "usercode customercode customerno customernumber clientno cardid cardno loyaltyid "
            "msno sessionuser hhid householdkey membernumber"
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
        "contentid goodsid offerid listingid adid asin isbn sku stockcode productcode itemcode "
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
        "servertime visitstarttime endtime dateadd interactiontime",
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
SESSIONS = frozenset(SYNONYMS["basket"][3].split())
_CLOCK_NAMES = (
    "time timeofday clock hour hourmin transtime ordertime eventtime purchasetime transactiontime "
    "clicktime viewtime timestamp ts starttime"
)
TIMES_OF_DAY = frozenset(_CLOCK_NAMES.split())
"""Names of columns that may hold a time of day beside a date."""

_KINDS = (
    "view views viewed pageview viewitem itemview detailview productview detail click clicks "
    "clicked impression cart carts addtocart addcart tocart basket addtobasket removefromcart "
    "wishlist addtowishlist favorite favourite fav bookmark purchase purchased purchases buy "
    "bought order orders ordered checkout transaction sale like likes liked dislike share shared "
    "play played skip listen listened watch watched download install search rate rated comment "
    "follow subscribe pv"
)
EVENT_WORDS = frozenset(_KINDS.split())
"""Kinds of events as logs write them, without case and punctuation."""


def plain_name(column: str) -> str:
    """A column's name without case, blanks, punctuation and RecBole's typed suffix
    (`user_id:token`).
    """
    base = column.split(":")[0] if ":" in column else column
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
