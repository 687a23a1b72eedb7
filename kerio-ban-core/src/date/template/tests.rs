//! The form for the engine matches what the original matches.

use proptest::prelude::*;

use super::*;
use crate::pattern::{Haystack, Slots};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_epoch_at_the_start_has_an_equivalent_form(
        before in r"|\[|\[\[|x|\[\(|\]|\(\[",
        number in "[0-9]{9,18}",
        fraction in r"|\.|\.[0-9]{1,8}|x|\u{b2}|\.[0-9]{3}\u{e9}",
        after in r"|\]|x\]|_\]| ",
        long: bool,
    ) {
        let template = Template::epoch_at_line_begin(&Traced::computed("^EPOCH"), long);
        let line = format!("{before}{number}{fraction}{after}");
        let find = |regex: &Traced| {
            let mut slots = Slots::default();
            let compiled = template.compile(regex).unwrap();
            let found = compiled
                .pattern
                .captures(Haystack::new(&line), 0..line.len(), &mut slots)
                .unwrap();
            found.then(|| (slots.get(0), slots.get(1)))
        };
        let engine = template.engine.as_ref().unwrap();
        prop_assert_eq!(find(&template.regex), find(engine));
    }
}
