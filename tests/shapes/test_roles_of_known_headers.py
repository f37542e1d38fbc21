"""Header lines of public data sets, shop exports and trackers, with invented values: the roles are
right by themselves, or the reader asks. None is wrong in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from spadework.data.addresses import read_interactions
from spadework.errors import BadData

ASKED = "asked"


@dataclass(frozen=True)
class Known:
    """A header line, rows of invented values, and the roles (user, item, time, weight, event,
    basket), or ASKED where nothing in the table tells.
    """

    name: str
    header: str
    rows: Sequence[str]
    roles: dict[str, str] | str = field(default_factory=dict)
    delimiter: str = ","

    def text(self) -> str:
        return "\n".join([self.header, *self.rows]) + "\n"


def roles(user: str, item: str, time: str | None = None, **others: str) -> dict[str, str]:
    return {"user": user, "item": item, **({} if time is None else {"time": time}), **others}


WOO_ROWS = [
    f"{1000 + order},completed,2026-01-{1 + order % 28:02d} 10:00,ann{order % 7}@shop.test,"
    f"{line},Mug {(order * 3 + line) % 11},MUG-{(order * 3 + line) % 11},{1 + line % 2},7.50"
    for order in range(12)
    for line in range(1, 2 + order % 3)
]
MAGENTO_ROWS = [
    f"{at + 1},{at // 2 + 1},2026-01-{1 + at % 28:02d} 09:00:00,{at % 6},SKU{at % 6},Name {at % 6},"
    f"1.0000,c{at % 5}@shop.test"
    for at in range(30)
]
OLIST_ROWS = [
    f"o{at // 2},{at % 2 + 1},p{at % 7},s{at % 3},2026-01-{1 + at % 28:02d} 10:00:00,9.90,"
    f"c{at // 2},u{at % 5}"
    for at in range(30)
]
SNOWPLOW_ROWS = [
    f"shop,web,2026-01-01 00:00:{at:02d},page_view,e{at},{at % 4},,d{at % 4},/p/{at % 6}"
    for at in range(25)
]

KNOWN = [
    Known(
        "movielens",
        "userId,movieId,rating,timestamp",
        ["1,31,2.5,1260759144", "7,10,4.0,851868750"],
        roles("userId", "movieId", "timestamp", weight="rating"),
    ),
    Known(
        "amazon-2018",
        "overall,verified,reviewTime,reviewerID,asin,reviewerName,unixReviewTime",
        [
            '5.0,true,"09 13, 2016",A1,0001,Ann,1473724800',
            '3.0,true,"01 3, 2017",A2,0001,Bo,1483401600',
        ],
        roles("reviewerID", "asin", "unixReviewTime", weight="overall"),
    ),
    Known(
        "amazon-2018-without-epoch",
        "overall,reviewTime,reviewerID,asin",
        ['5.0,"09 13, 2016",A1,0001', '3.0,"01 3, 2017",A2,0001'],
        roles("reviewerID", "asin", "reviewTime", weight="overall"),
    ),
    Known(
        "amazon-2023",
        "rating,title,asin,parent_asin,user_id,timestamp,helpful_vote,verified_purchase",
        ["5,Good,B1,P1,U1,1588687728923,0,true", "4,Fine,B2,P1,U2,1588687728999,1,true"],
        roles("user_id", "parent_asin", "timestamp", weight="rating"),
    ),
    Known(
        "yelp",
        "review_id,user_id,business_id,stars,useful,funny,cool,text,date",
        ["r1,u1,b1,4,0,0,0,Nice,2018-07-07 22:09:11", "r2,u2,b1,3,0,0,0,Ok,2012-01-03 15:28:18"],
        roles("user_id", "business_id", "date", weight="stars"),
    ),
    Known(
        "retailrocket",
        "timestamp,visitorid,event,itemid,transactionid",
        ["1433221332117,257,view,355,", "1433224214164,992,transaction,248,4000"],
        roles("visitorid", "itemid", "timestamp", event="event", basket="transactionid"),
    ),
    Known(
        "diginetica-views",
        "sessionId;userId;itemId;timeframe;eventdate",
        ["1;71;81766;526309;2016-05-09", "1;71;31331;1031018;2016-05-09"],
        roles("userId", "itemId", "eventdate", basket="sessionId"),
        ";",
    ),
    Known(
        "yoochoose-with-names",
        "session_id,timestamp,item_id,category",
        ["1,2014-04-07T10:51:09.277Z,214,0", "2,2014-04-07T10:54:09.868Z,214,0"],
        roles("session_id", "item_id", "timestamp"),
    ),
    Known(
        "instacart-joined",
        "order_id,user_id,order_number,order_dow,order_hour_of_day,product_id,add_to_cart_order,"
        "reordered",
        ["11,1,1,2,8,196,1,0", "11,1,1,2,8,147,2,0", "12,2,1,3,7,196,1,1"],
        roles("user_id", "product_id", basket="order_id"),
    ),
    Known(
        "instacart-without-users",
        "order_id,product_id,add_to_cart_order,reordered",
        ["2,331,1,1", "2,289,2,1", "3,331,1,0"],
        ASKED,
    ),
    Known(
        "h&m",
        "t_dat,customer_id,article_id,price,sales_channel_id",
        ["2018-09-20,00a,0663713001,0.05,2", "2018-09-21,00b,0541518023,0.03,2"],
        roles("customer_id", "article_id", "t_dat"),
    ),
    Known(
        "ta-feng",
        "TRANSACTION_DT,CUSTOMER_ID,AGE_GROUP,PIN_CODE,PRODUCT_SUBCLASS,PRODUCT_ID,AMOUNT,ASSET,"
        "SALES_PRICE",
        [
            "11/1/2000,0110,45-49,115,110411,4710199,2,24,30",
            "11/13/2000,0054,35-39,115,120107,471008,1,48,46",
        ],
        roles("CUSTOMER_ID", "PRODUCT_ID", "TRANSACTION_DT:month-first"),
    ),
    Known(
        "dunnhumby-journey",
        "household_key,BASKET_ID,DAY,PRODUCT_ID,QUANTITY,SALES_VALUE,STORE_ID,TRANS_TIME,WEEK_NO",
        [
            "2375,269,1,1004,1,1.39,364,1631,1",
            "2375,269,1,1033,2,0.82,364,1631,1",
            "1364,270,3,1004,1,1.39,31,1642,1",
        ],
        roles("household_key", "PRODUCT_ID", "DAY:position", weight="QUANTITY", basket="BASKET_ID"),
    ),
    Known(
        "hetrec-lastfm-weights",
        "userID\tartistID\tweight",
        ["2\t51\t138", "2\t52\t116", "3\t51\t90"],
        roles("userID", "artistID", weight="weight"),
        "\t",
    ),
    Known(
        "hetrec-lastfm-tags",
        "userID\tartistID\ttagID\ttimestamp",
        ["2\t52\t13\t1238536800000", "3\t52\t15\t1238536900000"],
        roles("userID", "artistID", "timestamp"),
        "\t",
    ),
    Known(
        "lastfm-360k-with-names",
        "user_id,artist_mbid,artist_name,plays",
        ["00a,3bd7,Ann,213", "00a,f2fb,Bo,113", "00b,3bd7,Ann,20"],
        ASKED,
    ),
    Known(
        "steam-reviews",
        "app_id,helpful,funny,date,is_recommended,hours,user_id,review_id",
        ["975,0,0,2022-12-12,true,36.3,51580,0", "304,4,0,2017-02-17,false,11.5,2586,1"],
        roles("user_id", "app_id", "date"),
    ),
    Known(
        "goodreads",
        "user_id,book_id,is_read,rating,is_reviewed",
        ["0,948,1,5,0", "0,947,1,4,1", "1,948,1,3,0"],
        roles("user_id", "book_id", weight="rating"),
    ),
    Known(
        "book-crossing",
        '"User-ID";"ISBN";"Book-Rating"',
        ['"276725";"034545104X";"3"', '"276726";"0155061224";"5"'],
        roles("User-ID", "ISBN", weight="Book-Rating"),
        ";",
    ),
    Known(
        "mind-with-names",
        "impression_id,user_id,time,history,impressions",
        ["1,U13,11/11/2019 9:05:58 AM,N1 N2,N3-1 N4-0", "2,U91,11/12/2019 6:11:30 PM,N4,N3-0"],
        ASKED,
    ),
    Known(
        "criteo-attribution",
        "timestamp,uid,campaign,conversion,conversion_timestamp,click,cost,cat1",
        ["0,2073,222,0,-1,0,0.001,138", "2,2834,734,0,-1,0,0.002,325", "2,2834,222,1,8,0,0.1,1"],
        ASKED,
    ),
    Known(
        "taobao-with-names",
        "user_id,item_id,category_id,behavior_type,timestamp",
        ["1,226,234,pv,1511544070", "1,331,234,cart,1511561733"],
        roles("user_id", "item_id", "timestamp", event="behavior_type"),
    ),
    Known(
        "tmall",
        "user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type",
        [f"{at % 5},{at % 9},83,28,23,{(5 + at % 7) * 100 + 1 + at},{at % 3}" for at in range(28)],
        roles("user_id", "item_id", "time_stamp:position", event="action_type"),
    ),
    Known(
        "ga4-flat",
        "event_date,event_timestamp,event_name,user_id,user_pseudo_id,ga_session_id,item_id,"
        "item_name,price",
        [
            "20260101,1767225600123456,view_item,,1234567.1234,17,G1,Cap,9.0",
            "20260102,1767312000123456,purchase,,7654321.4321,18,G2,Mug,7.5",
        ],
        roles(
            "user_pseudo_id",
            "item_id",
            "event_timestamp",
            event="event_name",
            basket="ga_session_id",
        ),
    ),
    Known(
        "google-analytics-sessions",
        "fullVisitorId,visitId,visitStartTime,productSKU,productQuantity",
        ["0123,1501,1501583974,GGOE1,1", "0456,1502,1501616621,GGOE2,2"],
        roles(
            "fullVisitorId",
            "productSKU",
            "visitStartTime",
            weight="productQuantity",
            basket="visitId",
        ),
    ),
    Known(
        "shopify-orders",
        "Name,Email,Financial Status,Paid at,Currency,Total,Created at,Lineitem quantity,"
        "Lineitem name,Lineitem price,Lineitem sku,Billing City,Vendor,Id,Location",
        [
            "#1001,ann@shop.test,paid,2026-01-05 10:00:00 +0200,EUR,20,2026-01-05 09:59:00 +0200,2,"
            "Mug,10,MUG-1,Oslo,Kiln,44,",
            "#1002,bo@shop.test,paid,2026-01-06 11:00:00 +0200,EUR,9,2026-01-06 10:59:00 +0200,1,"
            "Cap,9,CAP-1,Bonn,Loom,45,",
        ],
        roles("Email", "Lineitem sku", "Created at", weight="Lineitem quantity"),
    ),
    Known(
        "woocommerce-lines",
        "Order Number,Order Status,Order Date,Email (Billing),Item #,Item Name,SKU,"
        "Quantity (- Refund),Item Cost",
        WOO_ROWS,
        ASKED,
    ),
    Known(
        "magento-order-items",
        "item_id,order_id,created_at,product_id,sku,name,qty_ordered,customer_email",
        MAGENTO_ROWS,
        ASKED,
    ),
    Known(
        "magento-export",
        "increment_id,created_at,customer_email,sku,qty_ordered",
        [
            "100001,2026-01-01 10:00:00,a@shop.test,S1,1",
            "100002,2026-01-02 10:00:00,b@shop.test,S2,2",
        ],
        roles("customer_email", "sku", "created_at", weight="qty_ordered", basket="increment_id"),
    ),
    Known(
        "prestashop",
        "id_order,id_customer,product_id,product_quantity,date_add",
        ["1,7,11,1,2026-01-01 10:00:00", "2,8,12,3,2026-01-02 11:00:00"],
        roles(
            "id_customer", "product_id", "date_add", weight="product_quantity", basket="id_order"
        ),
    ),
    Known(
        "olist-joined",
        "order_id,order_item_id,product_id,seller_id,order_purchase_timestamp,price,customer_id,"
        "customer_unique_id",
        OLIST_ROWS,
        roles("customer_unique_id", "product_id", "order_purchase_timestamp", basket="order_id"),
    ),
    Known(
        "adobe-feed",
        "hit_time_gmt,post_visid_high,post_visid_low,visit_num,product_list,post_event_list",
        ["1767225600,11,21,1,;P1;1,200", "1767225700,12,22,1,;P2;1,201"],
        ASKED,
    ),
    Known(
        "snowplow",
        "app_id,platform,collector_tstamp,event_name,event_id,visit,user_id,domain_userid,"
        "page_urlpath",
        SNOWPLOW_ROWS,
        ASKED,
    ),
    Known(
        "segment-tracks",
        "id,anonymous_id,user_id,event,event_text,product_id,received_at,timestamp",
        [
            "e1,a1,u1,product_viewed,Product Viewed,p1,2026-01-01T10:00:01Z,2026-01-01T10:00:00Z",
            "e2,a2,u2,order_completed,Order Completed,p2,2026-01-02T10:00:01Z,2026-01-02T10:00:00Z",
        ],
        roles("user_id", "product_id", "timestamp", event="event"),
    ),
    Known(
        "mixpanel",
        "event,time,distinct_id,$insert_id,product_id",
        ["view,1767225600,d1,x1,p1", "buy,1767225700,d2,x2,p2"],
        roles("distinct_id", "product_id", "time", event="event"),
    ),
    Known(
        "amplitude",
        "user_id,device_id,event_type,event_time,amplitude_id,product_id",
        ["u1,d1,view,2026-01-01 10:00:00.123,1,p1", "u2,d2,buy,2026-01-02 10:00:00.456,2,p2"],
        roles("user_id", "product_id", "event_time", event="event_type"),
    ),
    Known(
        "matomo-actions",
        "idlink_va,idsite,idvisitor,idvisit,idaction_url,server_time",
        ["1,1,ab01,7,31,2026-01-01 10:00:00", "2,1,ab02,8,32,2026-01-01 10:01:00"],
        roles("idvisitor", "idaction_url", "server_time", basket="idvisit"),
    ),
    Known(
        "spotify-extended",
        "ts,username,platform,ms_played,conn_country,master_metadata_track_name,spotify_track_uri",
        [
            "2026-01-01T10:00:00Z,ann,ios,1000,NO,Song,spotify:track:1",
            "2026-01-02T10:00:00Z,bo,web,2000,DE,Tune,spotify:track:2",
        ],
        roles("username", "spotify_track_uri", "ts"),
    ),
    Known(
        "netflix-joined",
        "Cust_Id,Rating,Date,Movie_Id",
        ["1488844,3,2005-09-06,1", "822109,5,2005-05-13,1"],
        roles("Cust_Id", "Movie_Id", "Date", weight="Rating"),
    ),
    Known(
        "gowalla-with-names",
        "user,check-in time,latitude,longitude,location id",
        ["0,2010-10-19T23:55:27Z,30.2,-97.7,22847", "1,2010-10-18T22:17:43Z,30.2,-97.7,420315"],
        roles("user", "location id", "check-in time"),
    ),
    Known(
        "foursquare",
        "userId,venueId,venueCategoryId,venueCategory,latitude,longitude,timezoneOffset,"
        "utcTimestamp",
        [
            "470,49bb,4bf5,Arts,40.7,-74.0,-240,Tue Apr 03 18:00:09 +0000 2012",
            "979,4a43,4bf5,Bridge,40.6,-74.0,-240,Tue Apr 03 18:00:25 +0000 2012",
        ],
        roles("userId", "venueId", "utcTimestamp"),
    ),
    Known(
        "kuairec",
        "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio",
        [
            "0,3649,13838,10867,2020-07-05 00:08:23.438,20200705.0,1593878903.438,1.27",
            "0,9598,13665,10984,2020-07-05 00:13:41.297,20200705.0,1593879221.297,1.24",
        ],
        roles("user_id", "video_id", "timestamp"),
    ),
    Known(
        "kuairand",
        "user_id,video_id,date,hourmin,time_ms,is_click,is_like,tab",
        ["0,7,20220408,1200,1649390475171,1,0,1", "1,9,20220409,1300,1649480475171,0,0,1"],
        roles("user_id", "video_id", "time_ms"),
    ),
    Known(
        "tenrec",
        "user_id,item_id,click,follow,like,share,video_category,watching_times,gender,age",
        ["1,7,1,0,0,0,1,1,0,2", "2,8,0,0,0,0,1,0,1,3"],
        roles("user_id", "item_id"),
    ),
    Known(
        "online-retail-ii",
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
        [
            "489434,85048,Lights,12,2009-12-01 07:45:00,6.95,13085.0,UK",
            "489435,79323P,Lights,10,2009-12-01 07:46:00,6.75,13086.0,UK",
        ],
        roles("Customer ID", "StockCode", "InvoiceDate", weight="Quantity", basket="Invoice"),
    ),
    Known(
        "rees46",
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,"
        "user_session",
        [
            "2019-10-01 00:00:00 UTC,view,44,21,a.b,x,35.7,541,72d7",
            "2019-10-01 00:00:01 UTC,cart,39,20,a.c,y,33.2,554,9333",
        ],
        roles("user_id", "product_id", "event_time", event="event_type", basket="user_session"),
    ),
    Known(
        "yambda-flat",
        "uid,timestamp,item_id,is_organic,played_ratio_pct,track_length_seconds",
        ["100,39420,8326,0,100,105", "100,39500,1441,0,100,105", "200,90000,8326,1,1,105"],
        roles("uid", "item_id", "timestamp:position"),
    ),
    Known(
        "trivago",
        "user_id,session_id,timestamp,step,action_type,reference,platform,city,device",
        [
            "00a,s1,1541037460,1,search,Newtown,AU,Sydney,mobile",
            "00b,s2,1541037522,1,clickout item,666856,AU,Sydney,mobile",
        ],
        ASKED,
    ),
    Known(
        "outbrain-page-views",
        "uuid,document_id,timestamp,platform,geo_location,traffic_source",
        ["1fd5,120,61905212,1,US>VA,2", "8557,120,81998623,2,US>CA,1"],
        ASKED,
    ),
    Known(
        "globo-clicks",
        "user_id,session_id,session_start,session_size,click_article_id,click_timestamp",
        [
            "0,1506,1506825423000,2,119592,1506826828020",
            "1,1507,1506825426000,2,48915,1506826828999",
        ],
        roles("user_id", "click_article_id", "click_timestamp", basket="session_id"),
    ),
    Known(
        "food.com",
        "user_id,recipe_id,date,rating,review",
        ["38094,40893,2003-02-17,4,Great", "1293707,40893,2011-12-21,5,So good"],
        roles("user_id", "recipe_id", "date", weight="rating"),
    ),
    Known(
        "anime",
        "user_id,anime_id,rating",
        ["1,20,8", "1,24,7", "2,20,9"],
        roles("user_id", "anime_id", weight="rating"),
    ),
    Known(
        "million-song-triplets",
        "user,song,play_count",
        ["b80,SOAK,1", "b80,SOBB,2", "b81,SOAK,5"],
        roles("user", "song", weight="play_count"),
    ),
    Known(
        "movietweetings-with-names",
        "user_id,movie_id,rating,rating_timestamp",
        ["1,0114508,8,1381006850", "2,0102926,9,1590148016"],
        roles("user_id", "movie_id", "rating_timestamp", weight="rating"),
    ),
    Known(
        "groceries",
        "Member_number,Date,itemDescription",
        ["1808,21-07-2015,fruit", "2552,05-01-2015,milk"],
        roles("Member_number", "itemDescription", "Date:day-first"),
    ),
    Known(
        "epinions",
        "userid,productid,categoryid,rating,helpfulness,timestamp",
        ["1,7,2,5,3,1304208000", "2,8,2,4,3,1304294400"],
        roles("userid", "productid", "timestamp", weight="rating"),
    ),
    Known(
        "xing-with-names",
        "user_id,item_id,interaction_type,created_at",
        ["1,7,1,1440000000", "2,8,3,1440086400"],
        roles("user_id", "item_id", "created_at", event="interaction_type"),
    ),
    Known(
        "recbole",
        "user_id:token,item_id:token,rating:float,timestamp:float",
        ["1,2,3.0,1700000000", "2,2,4,1700000001.0"],
        roles("user_id:token", "item_id:token", "timestamp:float", weight="rating:float"),
    ),
    Known(
        "gorse",
        "feedback_type,user_id,item_id,time_stamp",
        ["star,1,x,2026-01-01 10:00:00", "read,2,y,2026-01-02 10:00:00"],
        roles("user_id", "item_id", "time_stamp", event="feedback_type"),
    ),
    Known(
        "amazon-personalize",
        "USER_ID,ITEM_ID,EVENT_TYPE,EVENT_VALUE,TIMESTAMP",
        ["1,2,click,1,1700000000", "1,3,buy,5,1700000000"],
        roles("USER_ID", "ITEM_ID", "TIMESTAMP", weight="EVENT_VALUE", event="EVENT_TYPE"),
    ),
    Known(
        "vertex-flat",
        "eventType,visitorId,eventTime,productId,quantity",
        ["detail-page-view,v1,2026-01-01T10:00:00Z,p1,1", "purchase,v2,2026-01-01T11:00:00Z,p2,2"],
        roles("visitorId", "productId", "eventTime", weight="quantity", event="eventType"),
    ),
    Known(
        "lightspeed-like-till",
        "date,time,customer_no,article_no,qty,receipt_no",
        [
            f"2026-01-{1 + at % 9:02d},10:{at:02d},{at % 5},{at % 7},{1 + at % 2},{at}"
            for at in range(30)
        ],
        roles("customer_no", "article_no", "date+time", weight="qty", basket="receipt_no"),
    ),
]


def found(known: Known, folder: Path) -> dict[str, str] | str:
    path = folder / ("log.tsv" if known.delimiter == "\t" else "log.csv")
    path.write_text(known.text(), encoding="utf-8")
    try:
        account = read_interactions(path).account
    except BadData as error:
        return ASKED if "--" in error.hint else str(error)
    return dict(account.columns)


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_roles_are_right_or_asked_for(known: Known, tmp_path: Path) -> None:
    assert found(known, tmp_path) == known.roles


def test_nearly_all_are_right_by_themselves(tmp_path: Path) -> None:
    """Of the tables that tell their roles, and of all of them together."""
    telling = [known for known in KNOWN if known.roles != ASKED]
    assert len(KNOWN) >= 60
    assert len(telling) >= 0.8 * len(KNOWN)
    right = sum(found(known, tmp_path) == known.roles for known in telling)
    assert right >= 0.95 * len(telling)


def test_the_question_about_a_line_number_names_the_article_number(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    woo = next(known for known in KNOWN if known.name == "woocommerce-lines")
    path.write_text(woo.text(), encoding="utf-8")
    with pytest.raises(BadData) as caught:
        read_interactions(path)
    assert caught.value.message == (
        "The column 'Item #' is called an item, but it looks like the number of a line within an "
        "order: it counts up and begins again."
    )
    assert caught.value.hint.startswith("Say which: --item SKU or --item 'Item Name'")
    log = read_interactions(path, item="SKU")
    assert log.item_count == 11
