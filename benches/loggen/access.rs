//! A web server's access log in the combined format.

use std::io::{self, Write};

use crate::clock::Clock;
use crate::random::Random;

/// Names that fail2ban's apache-badbots filter refuses, a few out of a hundred.
const BOTS: &[&str] = &[
    "EmailCollector",
    "WebEMailExtrac",
    "TrackBack/1.02",
    "sogou music spider",
    "Mozilla/5.0 Jorgee",
    "EmailSiphon",
    "EmailSpider",
    "ContactBot/0.2",
    "atSpider/1.0",
    "autoemailspider",
];
const BROWSERS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://www.example.com/bot)",
    "curl/8.8.0",
];
const PAGES: &[&str] = &[
    "/",
    "/index.html",
    "/blog/",
    "/images/logo.png",
    "/api/v1/items",
    "/search",
];
const REFERRERS: &[&str] = &[
    "-",
    "https://www.example.com/",
    "https://search.example.org/?q=mail",
];
const METHODS: &[&str] = &["GET", "GET", "GET", "HEAD", "POST"];
const STATUS: &[&str] = &["200", "200", "200", "304", "301", "404", "500"];

pub(crate) fn write_line(
    out: &mut dyn Write,
    clock: &Clock,
    random: &mut Random,
) -> io::Result<()> {
    let agent = if random.percent(2) {
        random.pick(BOTS)
    } else {
        random.pick(BROWSERS)
    };
    let address = random.address();
    let (method, page) = (random.pick(METHODS), random.pick(PAGES));
    let (status, referrer) = (random.pick(STATUS), random.pick(REFERRERS));
    let (item, size) = (random.below(100_000), random.below(200_000));
    write!(
        out,
        "{address} - - [{}] \"{method} {page}?id={item} HTTP/1.1\" {status} {size} \"{referrer}\" \"{agent}\"",
        clock.access()
    )
}
