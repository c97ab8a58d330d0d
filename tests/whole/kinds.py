"""Every kind of post on every platform: what an agent asks for, and what has to arrive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.whole.media import files


@dataclass(frozen=True)
class Item:
    """A file of a post. `arrives_as` is the MIME type that it is converted to; `alt_arrives` False where the platform has
    no place for an alt text."""

    file: str
    alt_text: str | None = None
    thumbnail: str | None = None
    arrives_as: str | None = None
    alt_arrives: bool = True


@dataclass(frozen=True)
class Row:
    """One post. `arrives` is all that the platform was told besides text and media; `reads` the text that has to arrive
    where it is not `text`; `requests` how many requests begin so (`METHOD /path`); `notes` words of each note, in order;
    `link_to` the end of the stored link where the post itself has no page."""

    platform: str
    kind: str
    text: str
    media: tuple[Item, ...] = ()
    link: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    arrives: dict[str, Any] = field(default_factory=dict)
    reads: str | None = None
    requests: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    link_to: str | None = None

    def __str__(self) -> str:
        return f"{self.platform}-{self.kind}".replace(" ", "-")


def photos(count: int, alt: bool = False) -> tuple[Item, ...]:
    return tuple(Item(f"photo-{n}.jpg", f"The {n}. picture" if alt else None) for n in range(1, count + 1))


FILM, LONG = Item("film.mp4"), Item("long.mp4")
WEBP = Item("picture.webp", "A pond", arrives_as="image/jpeg")
CONVERTED = ("image/webp to image/jpeg",)
MARKS = r"Half off (50%) #launch_day * _yes_ {a} [b] <c> @you ~ | \ done https://example.com/a_(b)#c"

INSTAGRAM = (
    Row("instagram", "image", "A picture é 🌷", photos(1), arrives={"media_type": "IMAGE"}),
    Row("instagram", "image with alt text", "Described", photos(1, alt=True), arrives={"media_type": "IMAGE"}),
    Row(
        "instagram", "reel", "A reel", (Item("film.mp4", thumbnail="photo-2.jpg"),),
        settings={"placement": "reel", "shareToFeed": False},
        arrives={"media_type": "REELS", "share_to_feed": "false", "cover": files()["photo-2.jpg"].sha256},
    ),
    Row(
        "instagram", "video in the feed", "A film", (FILM,), settings={"placement": "feed"},
        arrives={"media_type": "REELS", "share_to_feed": "true"},
    ),
    Row(
        "instagram", "story image", "Not shown", (Item("photo-1.jpg", "left out", alt_arrives=False),), reads="",
        settings={"placement": "story"}, arrives={"media_type": "STORIES"},
    ),
    Row("instagram", "story video", "", (FILM,), settings={"placement": "story"}, arrives={"media_type": "STORIES"}),
    Row(
        "instagram", "carousel mixed", "Three things",
        (Item("photo-1.jpg", "First"), FILM, Item("photo-2.jpg", "Third")), arrives={"media_type": "CAROUSEL"},
    ),
    Row("instagram", "carousel of ten", "Ten", photos(10, alt=True), arrives={"media_type": "CAROUSEL"}),
    Row("instagram", "webp converted", "From WebP", (WEBP,), arrives={"media_type": "IMAGE"}, notes=CONVERTED),
    Row(
        "instagram", "png within a carousel", "From PNG", (Item("drawing.png", arrives_as="image/jpeg"), Item("photo-3.jpg")),
        arrives={"media_type": "CAROUSEL"}, notes=("image/png to image/jpeg",),
    ),
)  # fmt: skip

FACEBOOK = (
    Row("facebook", "text", "Only words.\nIn two lines. ✓"),
    Row("facebook", "link", "Read this", link="https://example.com/page?a=1&b=2", arrives={"link": "https://example.com/page?a=1&b=2"}),
    Row("facebook", "one photo", "One", photos(1)),
    Row("facebook", "several photos", "Three", photos(3)),
    Row("facebook", "alt text", "Described", photos(2, alt=True)),
    Row("facebook", "photo beside a link", "Look", photos(1), link="https://example.com/b", reads="Look\n\nhttps://example.com/b"),
    Row("facebook", "video resumable", "A long film", (Item("long.mp4", thumbnail="photo-5.jpg"),),
        requests={"POST /v26.0/{page}/videos": 8}),
    Row("facebook", "reel", "A reel", (FILM,), settings={"placement": "reel"}, arrives={"placement": "reel"},
        requests={"POST /v26.0/{page}/video_reels": 2, "POST /video-upload/": 1}),
    Row("facebook", "photo story", "", photos(1), settings={"placement": "story"}, arrives={"placement": "story"}),
    Row("facebook", "video story", "Not shown", (FILM,), reads="", settings={"placement": "story"},
        arrives={"placement": "story"}),
    Row("facebook", "webp converted", "From WebP", (WEBP,), notes=CONVERTED),
)  # fmt: skip

TWITTER = (
    Row("twitter", "text", "Short & <sweet> 👨‍👩‍👧 https://example.com/x"),
    Row("twitter", "link and who may reply", "Read", link="https://example.com/y", reads="Read https://example.com/y",
        settings={"replySettings": "mentionedUsers"}, arrives={"reply_settings": "mentionedUsers"}),
    Row("twitter", "four images", "Four", photos(4)),
    Row("twitter", "alt text", "Described", photos(2, alt=True), requests={"POST /2/media/metadata": 2}),
    Row("twitter", "webp as it is", "WebP", (Item("picture.webp"),)),
    Row("twitter", "one gif", "It moves", (Item("moving.gif", "It spins"),), requests={"GET /2/media/upload": 1}),
    Row("twitter", "one video", "A long film", (Item("long.mp4", "A walk"),),
        requests={"POST /2/media/upload/": 8, "GET /2/media/upload": 1}),
)  # fmt: skip

LINKEDIN_PUBLIC = {"visibility": "PUBLIC", "hashtags": []}
LINKEDIN = (
    Row("linkedin", "text escaped", MARKS, arrives={"visibility": "PUBLIC", "hashtags": ["launch_day"]}),
    Row("linkedin", "visibility", "For few", settings={"visibility": "CONNECTIONS"},
        arrives={"visibility": "CONNECTIONS", "hashtags": []}),
    Row("linkedin", "link article with thumbnail", "Read this", (Item("photo-1.jpg", "The cover"),), "https://example.com/article",
        {"articleTitle": "A (fine) title", "articleDescription": "What it says"},
        LINKEDIN_PUBLIC
        | {"article": {"source": "https://example.com/article", "title": "A (fine) title", "description": "What it says"}}),
    Row("linkedin", "link article alone", "Read", link="https://example.com/b",
        arrives=LINKEDIN_PUBLIC | {"article": {"source": "https://example.com/b", "title": "example.com"}}),
    Row("linkedin", "image", "One", photos(1), arrives=LINKEDIN_PUBLIC),
    Row("linkedin", "alt text", "Described", photos(1, alt=True), arrives=LINKEDIN_PUBLIC),
    Row("linkedin", "several images", "Five", photos(5, alt=True), arrives=LINKEDIN_PUBLIC),
    Row("linkedin", "images beside a link", "Two", photos(2), "https://example.com/c", arrives=LINKEDIN_PUBLIC,
        reads="Two\n\nhttps://example.com/c"),
    Row("linkedin", "webp converted", "From WebP", (WEBP,), arrives=LINKEDIN_PUBLIC, notes=CONVERTED),
    Row("linkedin", "video in parts", "A long film", (LONG,), arrives=LINKEDIN_PUBLIC, requests={"PUT /dms-uploads/video/": 6}),
)  # fmt: skip

SWITCHES = {"disable_comment": False, "brand_content_toggle": False, "brand_organic_toggle": False}
VIDEO_SWITCHES = SWITCHES | {"disable_duet": False, "disable_stitch": False, "is_aigc": False}
TIKTOK = (
    Row("tiktok", "video in chunks", "A long film 🎬 #walk", (LONG,),
        arrives={"privacy_level": "PUBLIC_TO_EVERYONE"} | VIDEO_SWITCHES, requests={"PUT /video/": 2}),
    Row("tiktok", "photos by url", "Three", photos(3), arrives={"privacy_level": "PUBLIC_TO_EVERYONE"} | SWITCHES),
    Row("tiktok", "photos converted", "From PNG", (Item("drawing.png", arrives_as="image/jpeg"), Item("picture.webp")),
        arrives={"privacy_level": "PUBLIC_TO_EVERYONE"} | SWITCHES, notes=("image/png to image/jpeg",)),
    Row("tiktok", "every switch", "An ad", (Item("film.mov"),),
        settings={"privacyLevel": "MUTUAL_FOLLOW_FRIENDS", "disableComment": True, "disableDuet": True, "disableStitch": True,
                  "brandContentToggle": True, "brandOrganicToggle": True, "isAigc": True, "videoCoverTimestampMs": 1500},
        arrives={"privacy_level": "MUTUAL_FOLLOW_FRIENDS", "disable_comment": True, "disable_duet": True, "disable_stitch": True,
                 "brand_content_toggle": True, "brand_organic_toggle": True, "is_aigc": True, "video_cover_timestamp_ms": 1500},
        link_to="/@{username}"),
    Row("tiktok", "only me", "Nobody sees it", (FILM,), settings={"privacyLevel": "SELF_ONLY"},
        arrives={"privacy_level": "SELF_ONLY"} | VIDEO_SWITCHES, link_to="/@{username}"),
)  # fmt: skip

YOUTUBE = (
    Row("youtube", "every setting", "Not used", (Item("film.mp4", thumbnail="photo-4.jpg"),), reads="A fine film",
        settings={"title": "A fine film", "description": "What is seen", "tags": ["garden", "two words"], "categoryId": "28",
                  "privacyStatus": "unlisted", "notifySubscribers": False, "selfDeclaredMadeForKids": False,
                  "containsSyntheticMedia": True},
        arrives={"snippet": {"title": "A fine film", "description": "What is seen", "tags": ["garden", "two words"],
                             "categoryId": "28"},
                 "status": {"privacyStatus": "unlisted", "selfDeclaredMadeForKids": False, "containsSyntheticMedia": True},
                 "notifySubscribers": False}),
    Row("youtube", "text as title", "Only a title", (Item("film.mov"),), link="https://example.com/v",
        arrives={"snippet": {"title": "Only a title", "description": "https://example.com/v", "categoryId": "22"},
                 "status": {"privacyStatus": "private"}, "notifySubscribers": True}),
    Row("youtube", "publishAt", "Later", (FILM,), settings={"publishAt": "2099-01-02T03:04:05+02:00"},
        arrives={"snippet": {"title": "Later", "description": "", "categoryId": "22"},
                 "status": {"privacyStatus": "private", "publishAt": "2099-01-02T01:04:05.000Z"}, "notifySubscribers": True}),
    Row("youtube", "video in chunks", "Long", (Item("long.mp4", thumbnail="drawing.png"),), settings={"privacyStatus": "public"},
        arrives={"snippet": {"title": "Long", "description": "", "categoryId": "22"},
                 "status": {"privacyStatus": "public"}, "notifySubscribers": True}),
)  # fmt: skip

THREADS = (
    Row("threads", "text", "Words 🌱\nand more", arrives={"media_type": "TEXT"}),
    Row("threads", "settings", "A question", settings={"replyControl": "accounts_you_follow", "topicTag": "gardens"},
        arrives={"media_type": "TEXT", "reply_control": "accounts_you_follow", "topic_tag": "gardens"}),
    Row("threads", "link attachment", "Read", link="https://example.com/t",
        arrives={"media_type": "TEXT", "link_attachment": "https://example.com/t"}),
    Row("threads", "image", "One", photos(1), arrives={"media_type": "IMAGE"}),
    Row("threads", "image beside a link", "One", photos(1), link="https://example.com/u", arrives={"media_type": "IMAGE"},
        reads="One\n\nhttps://example.com/u"),
    Row("threads", "alt text", "Described", photos(1, alt=True), arrives={"media_type": "IMAGE"}),
    Row("threads", "video", "A film", (Item("film.mp4", "A walk"),), arrives={"media_type": "VIDEO"}),
    Row("threads", "carousel", "Twelve", (*photos(10, alt=True), Item("film.mp4", "A walk"), Item("other.mp4")),
        arrives={"media_type": "CAROUSEL"}),
    Row("threads", "webp converted", "From WebP", (WEBP,), arrives={"media_type": "IMAGE"}, notes=CONVERTED),
)  # fmt: skip

ROWS = (*INSTAGRAM, *FACEBOOK, *TWITTER, *LINKEDIN, *TIKTOK, *YOUTUBE, *THREADS)
