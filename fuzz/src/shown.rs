//! What two ways to one answer are compared by.

use kerio_ban_core::{Error, Outcome, Session, Timestamp, Traced};

/// The moment that is now everywhere.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_whole_seconds(1_750_000_000)
}

/// All that a session says of its last line.
pub(crate) fn line(session: &Session) -> String {
    let outcome = session.outcome();
    let name = match &outcome {
        Outcome::Missed => "missed",
        Outcome::Ignored => "ignored",
        Outcome::NoFail(_) => "no failure",
        Outcome::Pending(_) => "pending",
        Outcome::Failure(_) => "failure",
    };
    let hits = outcome.hits();
    let hits: Vec<String> = hits
        .iter()
        .map(|hit| {
            let (matches, users) = (hit.matches(), hit.users());
            format!("{hit:?} {matches:?} {users:?} {:?}", hit.place())
        })
        .collect();
    format!("{name} {hits:?}")
}

/// What a session has learnt of dates.
pub(crate) fn dates(session: &Session) -> String {
    let hits = session.date_hits();
    let used: Vec<String> = hits
        .iter()
        .filter(|date| date.hits() > 0)
        .map(|date| format!("{date:?}"))
        .collect();
    let last = session.last_date().map(Timestamp::seconds);
    format!("{used:?} {last:?}")
}

/// An error can say all it has to, and its places are places.
pub(crate) fn check_error(error: &Error) {
    assert!(!error.message().is_empty());
    assert!(!error.code().is_empty());
    let _ = (error.to_string(), error.help(), error.option());
    let via = error
        .origin()
        .map(|origin| origin.via())
        .unwrap_or_default();
    let spans = error.origin().map(|origin| origin.span());
    let labels = error.labels().iter().map(|label| &label.span);
    for span in spans.into_iter().chain(via).chain(labels) {
        let text = span.source().text();
        assert_eq!(&text[span.range()], span.text());
        let (line, column) = (span.line(), span.column());
        assert!(line >= 1 && column >= 1, "{line}:{column}");
        assert!(span.source().line(line).is_some(), "{line} of {text:?}");
    }
}

/// Every character that was typed stands where it says.
pub(crate) fn check_origins(text: &Traced) {
    for (at, c) in text.as_str().char_indices() {
        let range = at..at + c.len_utf8();
        if c != '\n'
            && let Some(origin) = text.origin(range)
        {
            // Names that stand for sections were not typed as they are.
            let typed = origin.span().text();
            let whole = text.as_str();
            assert!(
                typed.is_empty() || typed == c.to_string(),
                "{typed:?} at {at} of {whole:?}"
            );
        }
    }
}
