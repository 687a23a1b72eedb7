use insta::assert_snapshot;

use super::*;
use crate::source::Source;

fn parse(value: &str) -> Result<DateTemplates, Error> {
    let text = format!("datepattern = {value}");
    let source = Source::new("filter.d/a.conf", &*text);
    let value = Traced::typed(&source.span(14..text.len()));
    DateTemplates::new(Some(&value), 2026)
}

fn names(value: &str) -> Vec<String> {
    let templates = parse(value).unwrap();
    let names = templates.templates().iter().map(|t| t.name.clone());
    names.collect()
}

#[test]
fn the_default_templates() {
    let templates = DateTemplates::new(None, 2026).unwrap();
    assert!(templates.is_default());
    assert_eq!(templates.shown(), None);
    let shown: String = templates
        .templates()
        .iter()
        .map(|template| {
            let anchored = if template.anchored { "^" } else { " " };
            format!("{:>3} {anchored} {}\n", template.factor, template.name)
        })
        .collect();
    assert_snapshot!(shown, @r"
    100 ^ {^LN-BEG}ExYear(?P<_sep>[-/.])Month(?P=_sep)Day(?:T|  ?)24hour:Minute:Second(?:[.,]Microseconds)?(?:\s*Zone offset)?
    100 ^ {^LN-BEG}(?:DAY )?MON Day %k:Minute:Second(?:\.Microseconds)?(?: ExYear)?
    100 ^ {^LN-BEG}(?:DAY )?MON Day ExYear %k:Minute:Second(?:\.Microseconds)?
    100 ^ {^LN-BEG}Day(?P<_sep>[-/])Month(?P=_sep)(?:ExYear|ExYear2) %k:Minute:Second
    100 ^ {^LN-BEG}Day(?P<_sep>[-/])MON(?P=_sep)ExYear[ :]?24hour:Minute:Second(?:\.Microseconds)?(?: Zone offset)?
    100 ^ {^LN-BEG}Month/Day/ExYear:24hour:Minute:Second
    100 ^ {^LN-BEG}Month-Day-ExYear %k:Minute:Second(?:\.Microseconds)?
    100 ^ {^LN-BEG}Epoch
    100 ^ {^LN-BEG}ExYear2ExMonthExDay  ?24hour:Minute:Second
    100 ^ {^LN-BEG}MON Day, ExYear 12hour:Minute:Second AMPM
    100 ^ {^LN-BEG}ExYearExMonthExDay(?:-|T|  ?)Ex24hour:?ExMinute:?ExSecond(?:[.,]Microseconds)?(?:\s*Zone offset)?
    100 ^ {^LN-BEG}(?:Zone name )?(?:DAY )?MON Day %k:Minute:Second(?:\.Microseconds)?(?: ExYear)?
    100 ^ {^LN-BEG}(?:Zone offset )?(?:DAY )?MON Day %k:Minute:Second(?:\.Microseconds)?(?: ExYear)?
    100 ^ {^LN-BEG}TAI64N
      1   ExYear(?P<_sep>[-/.])Month(?P=_sep)Day(?:T|  ?)24hour:Minute:Second(?:[.,]Microseconds)?(?:\s*Zone offset)?
      1   (?:DAY )?MON Day %k:Minute:Second(?:\.Microseconds)?(?: ExYear)?
      1   (?:DAY )?MON Day ExYear %k:Minute:Second(?:\.Microseconds)?
      1   Day(?P<_sep>[-/])Month(?P=_sep)(?:ExYear|ExYear2) %k:Minute:Second
      1   Day(?P<_sep>[-/])MON(?P=_sep)ExYear[ :]?24hour:Minute:Second(?:\.Microseconds)?(?: Zone offset)?
      1   Month/Day/ExYear:24hour:Minute:Second
      1   Month-Day-ExYear %k:Minute:Second(?:\.Microseconds)?
      1   Epoch
      1 ^ {^LN-BEG}24hour:Minute:Second
      1 ^ ^<Month/Day/ExYear2@24hour:Minute:Second>
      1   ExYear2ExMonthExDay  ?24hour:Minute:Second
      1   MON Day, ExYear 12hour:Minute:Second AMPM
      1 ^ ^MON-Day-ExYear2 %k:Minute:Second
      1   ExYearExMonthExDay(?:-|T|  ?)Ex24hour:?ExMinute:?ExSecond(?:[.,]Microseconds)?(?:\s*Zone offset)?
      1   (?:Zone name )?(?:DAY )?MON Day %k:Minute:Second(?:\.Microseconds)?(?: ExYear)?
      1   (?:Zone offset )?(?:DAY )?MON Day %k:Minute:Second(?:\.Microseconds)?(?: ExYear)?
      1   TAI64N
    ");
}

#[test]
fn all_default_expressions_compile() {
    DateTemplates::new(None, 2026).unwrap().check().unwrap();
    parse("x {DATE}").unwrap().check().unwrap();
}

#[test]
fn lines_are_entries() {
    assert_eq!(names("%Y\n\n \u{a0}^%m \n"), ["Year", "^Month"]);
    assert!(parse(" \n ").unwrap().is_default());
    assert!(!parse("%Y").unwrap().is_default());
}

#[test]
fn special_entries() {
    assert_eq!(names("{NONE}"), ["^"]);
    assert_eq!(names("EPOCH\n^epoch"), ["Epoch", "{^LN-BEG}Epoch"]);
    assert_eq!(names("lepoch"), ["LongEpoch"]);
    assert_eq!(names("^tai64n"), ["{^LN-BEG}TAI64N"]);
    assert_eq!(names("x {epoch}"), ["x {epoch}"]);
    assert_eq!(names("{^LN-BEG}").len(), 17);
    assert_eq!(names("{DATE} x").len(), 17);
    assert_eq!(names("ISO8601"), ["ISO8601"]);
    assert_eq!(names("{DEFAULT}").len(), 31);
    assert_eq!(names("{DEFAULT}\n%Y"), ["Year"]);
}

#[test]
fn what_is_known_is_skipped_only_behind_something() {
    assert_eq!(names("%Y\n{^LN-BEG}").len(), 18);
    assert_eq!(names("{^LN-BEG}EPOCH\n{^LN-BEG}").len(), 17);
    assert!(parse("{^LN-BEG}\n{^LN-BEG}EPOCH").is_err());
}

#[test]
fn one_object_for_one_text() {
    let templates = parse("{^LN-BEG}EPOCH\n{DEFAULT}").unwrap();
    assert_eq!(templates.templates()[0].factor, ANCHORED_FACTOR);
    let templates = parse("{^LN-BEG}EPOCH").unwrap();
    assert_eq!(templates.templates()[0].factor, 1.0);
}

#[test]
fn shown_as_long_as_there_are_few() {
    let templates = parse("^%Y\nEPOCH").unwrap();
    assert_eq!(templates.shown(), Some((Some("^%Y"), "^Year")));
    let templates = parse("EPOCH").unwrap();
    assert_eq!(templates.shown(), Some((None, "Epoch")));
    assert_eq!(parse("%Y\n%m\n%d").unwrap().shown(), None);
}

fn refused(value: &str) -> String {
    let error = match parse(value) {
        Err(error) => error,
        Ok(templates) => templates.check().unwrap_err(),
    };
    let mut shown = format!("{}: {error}", error.code());
    for label in error.labels() {
        shown += &format!("\n  {}: {}", label.span, label.text);
    }
    if let Some(help) = error.help() {
        shown += &format!("\n  help: {help}");
    }
    shown
}

#[test]
fn err_tokens() {
    let values = [
        "%Y-%m-%d%",
        "%F %T",
        "^%ExQ",
        "%-d",
        "%(Q)s",
        "%(Y",
        "%d %s",
        "{DATE} %q",
    ];
    assert_snapshot!(values.map(refused).join("\n"), @"
    bad-datepattern: filter.d/a.conf:1:23: expected a token behind `%` in the date pattern `%Y-%m-%d%`, but found the end
      help: a percent sign itself is written `%%`
    bad-datepattern: filter.d/a.conf:1:15: unknown token `%F` in the date pattern `%F %T`
      help: write `%Y-%m-%d`; a percent sign itself is `%%`
    bad-datepattern: filter.d/a.conf:1:16: unknown token `%ExQ` in the date pattern `^%ExQ`
      help: a percent sign itself is written `%%`
    bad-datepattern: filter.d/a.conf:1:15: unknown token `%-d` in the date pattern `%-d`
      help: a percent sign itself is written `%%`
    bad-datepattern: filter.d/a.conf:1:15: unknown name `Q` behind `%` in the date pattern `%(Q)s`
    bad-datepattern: filter.d/a.conf:1:15: expected `)` behind `%(` in the date pattern `%(Y`, but found the end
    bad-datepattern: filter.d/a.conf:1:18: unknown token `%s` in the date pattern `%d %s`
      help: write `{EPOCH}`; a percent sign itself is `%%`
    bad-datepattern: filter.d/a.conf:1:22: unknown token `%q` in the date pattern `{DATE} %q`
      help: a percent sign itself is written `%%`
    ");
}

#[test]
fn err_twice() {
    let values = ["%Y-%m-%d\n%Y-%m-%d", "%U\n^%Y\n%W", "foo\nFOO"];
    assert_snapshot!(values.map(refused).join("\n"), @"
    bad-datepattern: filter.d/a.conf:2:1: two date patterns have the display name `Year-Month-Day`
      filter.d/a.conf:1:15: the first one
    bad-datepattern: filter.d/a.conf:3:1: two date patterns have the display name `Yearweek`
      filter.d/a.conf:1:15: the first one
    bad-datepattern: filter.d/a.conf:2:1: two date patterns have the display name `foo`
      filter.d/a.conf:1:15: the first one
    ");
}

#[test]
fn err_expressions() {
    let values = ["%Y-%m-%d)", "^(%Y", "%H:%M %H"];
    assert_snapshot!(values.map(refused).join("\n"), @r"
    bad-datepattern: filter.d/a.conf:1:15: in the date pattern `%Y-%m-%d)`: `)` closes no group
      help: a literal `)` is `\)`
    bad-datepattern: filter.d/a.conf:1:16: in the date pattern `^(%Y`: group is not closed: expected `)`
    bad-datepattern: filter.d/a.conf:1:21: in the date pattern `%H:%M %H`: group `H` is defined twice
    ");
}
