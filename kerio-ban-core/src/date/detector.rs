//! Searching lines for a date, with a memory.
//!
//! Templates that are found often and near the start of the line move
//! forward, and the template of the last line is tried first, at the place
//! where it was found. Which date of a line with several is taken therefore
//! depends on the lines before.

use std::ops::Range;

use super::epoch;
use super::error::{ConversionRaises, SearchRaises};
use super::list::DateTemplates;
use super::offsets::LogZone;
use super::passed::LastForm;
use super::reader::{Groups, Reader};
use super::template::{Kind, Template};
use super::window::{Text, Window};
use crate::pattern::{Haystack, Slots};
use crate::time::Timestamp;
use crate::zone::{LastOffset, Zone};

/// A distance larger than any.
const FAR: usize = 0x7fff_ffff;
/// A template not used for this many seconds gives its place to one in use.
const UNUSED_SECONDS: f64 = 300.0;

/// What is remembered while one log is read.
pub(crate) struct DateDetector {
    pub(super) templates: DateTemplates,
    pub(super) reader: Reader,
    /// In the order in which they are tried.
    pub(super) order: Vec<Entry>,
    /// Where in the order the template of the last hit is.
    pub(super) current: Option<usize>,
    pub(super) window: Window,
    /// The first place in the order without hits, as far as it was followed.
    pub(super) first_unused: usize,
    searched: bool,
    /// Groups of the match that was returned last.
    pub(super) slots: Slots,
    reserve_slots: Slots,
    pub(super) last_form: Option<LastForm>,
    /// Where this detector begins, if it is ahead of another.
    start: Option<Start>,
}

/// What a detector that is ahead of another begins with.
#[derive(Clone, Copy)]
struct Start {
    /// The template of the last hit.
    current: Option<usize>,
    window: Window,
    memory: LastOffset,
    /// Dates found since.
    hits: u64,
    /// Whether every date was where the one before it was, by the same
    /// template: then neither the order nor the hits of before had a say.
    steady: bool,
}

#[derive(Clone)]
pub(super) struct Entry {
    /// Index of the template.
    pub(super) template: usize,
    pub(super) hits: u64,
    pub(super) last_used: f64,
    /// Characters before the last match.
    pub(super) distance: usize,
}

/// A date found in a line. Its groups stay with the detector until the next
/// search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundDate {
    /// The bytes to be cut out of the line, perhaps none.
    pub(crate) cut: Range<usize>,
    template: usize,
}

/// How often a template was the one that counted.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateHits {
    /// The display name.
    pub(crate) name: String,
    /// The pattern, if the template was made from one.
    pub(crate) pattern: Option<String>,
    /// The expression, as fail2ban would compile it.
    pub(crate) regex: String,
    pub(crate) hits: u64,
    /// Hits, times the factor, by distance: what decides about the order.
    pub(crate) weight: f64,
    pub(crate) factor: f64,
}

impl TemplateHits {
    /// The name under which fail2ban shows the template.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The date pattern, if the template was made from one.
    pub fn pattern(&self) -> Option<&str> {
        self.pattern.as_deref()
    }

    /// The expression, as fail2ban would compile it.
    pub fn regex(&self) -> &str {
        &self.regex
    }

    /// How often it was the template that counted.
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// What decides about the order: hits, weighed by how near to the start of
    /// the line they were.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// How much one hit counts.
    pub fn factor(&self) -> f64 {
        self.factor
    }
}

/// A match in a line.
#[derive(Clone, Copy)]
struct Match {
    /// Place in the order.
    place: usize,
    /// In characters.
    start: usize,
    end: usize,
    /// In bytes.
    cut_start: usize,
    cut_end: usize,
}

impl DateDetector {
    /// A detector that has seen nothing. `zone` is the local time zone;
    /// `log_zone` is for dates that name no zone, in place of the local one.
    pub(crate) fn new(
        templates: DateTemplates,
        zone: Zone,
        log_zone: Option<LogZone>,
    ) -> DateDetector {
        let order = (0..templates.templates().len())
            .map(|template| Entry {
                template,
                hits: 0,
                last_used: 0.0,
                distance: FAR,
            })
            .collect();
        DateDetector {
            templates,
            reader: Reader::new(zone, log_zone),
            order,
            current: None,
            window: Window::default(),
            first_unused: 0,
            searched: false,
            slots: Slots::default(),
            reserve_slots: Slots::default(),
            last_form: None,
            start: None,
        }
    }

    /// A detector for lines further on, for which it begins with what is known
    /// now.
    pub(crate) fn ahead(&self) -> DateDetector {
        DateDetector {
            templates: self.templates.clone(),
            reader: self.reader.clone(),
            order: self.order.clone(),
            current: self.current,
            window: self.window,
            first_unused: self.first_unused,
            searched: self.searched,
            slots: Slots::default(),
            reserve_slots: Slots::default(),
            last_form: None,
            start: Some(Start {
                current: self.current_template(),
                window: self.window,
                memory: self.reader.memory(),
                hits: 0,
                steady: true,
            }),
        }
    }

    /// Becomes what it would be after the lines that another detector has been
    /// ahead with, if it would have found the same in them. `false`, and no
    /// change, if that is not certain.
    pub(crate) fn take_over(&mut self, ahead: &DateDetector) -> bool {
        let Some(start) = ahead.start.filter(|start| start.steady) else {
            return false;
        };
        if self.current_template() != start.current {
            return false;
        }
        if let Some(place) = self.current.filter(|_| start.hits > 0) {
            let anchored = self.template(place).anchored;
            let same_place = anchored || self.window.leads_as(&start.window);
            if !same_place || self.reader.memory() != start.memory {
                return false;
            }
            let last = ahead.current.map(|place| &ahead.order[place]);
            let entry = &mut self.order[place];
            if let Some(last) = last {
                entry.last_used = last.last_used;
                entry.distance = last.distance;
            }
            entry.hits += start.hits;
            if self.first_unused == place {
                self.first_unused += 1;
            }
            self.window = ahead.window;
            self.reader = ahead.reader.clone();
        }
        self.searched |= ahead.searched;
        true
    }

    /// The template of the last hit.
    fn current_template(&self) -> Option<usize> {
        self.current.map(|place| self.order[place].template)
    }

    /// Notes, if this detector is ahead of another, that dates were found;
    /// `steady`: where the last one was.
    pub(super) fn note(&mut self, dates: u64, steady: bool) {
        if let Some(start) = &mut self.start {
            start.hits += dates;
            start.steady &= steady;
        }
    }

    /// The same, without the matcher that makes searches fast, if it is to be
    /// plain.
    pub(crate) fn plain(mut self, plain: bool) -> DateDetector {
        self.slots = Slots::new(plain);
        self.reserve_slots = Slots::new(plain);
        self
    }

    /// Searches a line. `now` is the clock, which templates out of use are
    /// told by.
    ///
    /// # Errors
    ///
    /// When fail2ban would give up the line. What was remembered before that
    /// stays.
    pub(crate) fn find(
        &mut self,
        line: Haystack<'_>,
        now: Timestamp,
    ) -> Result<Option<FoundDate>, SearchRaises> {
        self.searched = true;
        let text = Text::new(line);
        let found = self.search(&text).and_then(|found| match found {
            Some((found, steady)) => {
                self.note(1, steady);
                self.win(&text, found, now).map(Some)
            }
            None => Ok(None),
        });
        if found.is_err() {
            self.note(1, false);
        }
        found
    }

    /// The match that counts, and whether it is where the last one was, by the
    /// same template; its groups are in `slots`.
    fn search(&mut self, text: &Text<'_>) -> Result<Option<(Match, bool)>, SearchRaises> {
        let mut reserve = None;
        let mut exclude = None;
        if let Some(current) = self.current {
            let anchored = self.template(current).anchored;
            let range = if anchored {
                None
            } else {
                self.window.range(text)
            };
            if range.is_none() {
                exclude = Some(current);
            }
            let range = range.unwrap_or(0..text.len());
            if let Some(found) = self.try_place(current, text, range)? {
                let same_window = found.start == self.window.start && found.end == self.window.end;
                if anchored || same_window || self.order.len() == 1 {
                    return Ok(Some((found, true)));
                }
                self.keep(&mut reserve, found);
            }
        }
        for place in 0..self.order.len() {
            if exclude == Some(place) {
                continue;
            }
            let Some(found) = self.try_place(place, text, 0..text.len())? else {
                continue;
            };
            let known = self.order[place].distance.min(self.window.start);
            let last = place + 1 == self.order.len();
            if last || self.template(place).anchored || found.start <= known {
                return Ok(Some((found, false)));
            }
            if reserve.is_none_or(|reserve| found.start < reserve.start) {
                self.keep(&mut reserve, found);
            }
        }
        if reserve.is_some() {
            std::mem::swap(&mut self.slots, &mut self.reserve_slots);
        }
        Ok(reserve.map(|found| (found, false)))
    }

    fn keep(&mut self, reserve: &mut Option<Match>, found: Match) {
        std::mem::swap(&mut self.slots, &mut self.reserve_slots);
        *reserve = Some(found);
    }

    /// Searches a range of bytes with one template. A search written by hand
    /// for a fixed form of date stands in for the expression here.
    fn try_place(
        &mut self,
        place: usize,
        text: &Text<'_>,
        range: Range<usize>,
    ) -> Result<Option<Match>, SearchRaises> {
        let template = &self.templates.templates()[self.order[place].template];
        let matched = match template.kind {
            Kind::PlacedEpoch { long } => {
                let found = epoch::find(text.line.as_str(), range, long);
                found.map(|found| (found.clone(), found))
            }
            _ => {
                let compiled = template
                    .compiled()
                    .map_err(|error| SearchRaises::BrokenPattern(error.clone()))?;
                let slots = &mut self.slots;
                let groups = &compiled.shape_groups;
                let line = text.line.as_str().as_bytes();
                let by_hand = text.line.is_ascii()
                    && template
                        .shape()
                        .is_some_and(|shape| shape.find(line, &range, groups, slots));
                let found = by_hand
                    || compiled
                        .pattern
                        .captures(text.line, range, slots)
                        .map_err(|_| SearchRaises::LimitReached(template.shown().to_owned()))?;
                found
                    .then(|| self.slots.get(0))
                    .flatten()
                    .map(|whole| (whole, self.slots.get(1).unwrap_or_else(|| text.uncut())))
            }
        };
        Ok(matched.map(|(whole, cut)| Match {
            place,
            start: text.character(whole.start),
            end: text.character(whole.end),
            cut_start: cut.start,
            cut_end: cut.end,
        }))
    }

    /// Notes the hit.
    fn win(
        &mut self,
        text: &Text<'_>,
        found: Match,
        now: Timestamp,
    ) -> Result<FoundDate, SearchRaises> {
        let Match {
            place, start, end, ..
        } = found;
        let entry = &mut self.order[place];
        entry.hits += 1;
        entry.last_used = now.seconds();
        entry.distance = start;
        let template = entry.template;
        if self.first_unused == place {
            self.first_unused += 1;
        }
        self.window = Window::new(text, start, end).ok_or(SearchRaises::BehindTheEnd)?;
        let place = if place > 0 && self.current != Some(place) {
            self.reorder(place)
        } else {
            place
        };
        self.current = Some(place);
        let cut = found.cut_start..found.cut_end;
        Ok(FoundDate { cut, template })
    }

    /// Moves an entry forward, if that is due. Returns where it is then.
    fn reorder(&mut self, place: usize) -> usize {
        let far = if self.first_unused < place {
            self.first_unused
        } else {
            place / 2
        };
        let Some(target) = [far, place - 1]
            .into_iter()
            .find(|&target| self.may_pass(place, target))
        else {
            return place;
        };
        let entry = self.order.remove(place);
        self.order.insert(target, entry);
        while self
            .order
            .get(self.first_unused)
            .is_some_and(|entry| entry.hits > 0)
        {
            self.first_unused += 1;
        }
        target
    }

    fn may_pass(&self, place: usize, target: usize) -> bool {
        self.weight(place) > self.weight(target)
            || self.order[place].last_used - UNUSED_SECONDS > self.order[target].last_used
    }

    fn weight(&self, place: usize) -> f64 {
        let entry = &self.order[place];
        entry.hits as f64 * self.template(place).factor / entry.distance.max(1) as f64
    }

    fn template(&self, place: usize) -> &Template {
        &self.templates.templates()[self.order[place].template]
    }

    /// The instant of the date found last, in the line it was found in. `None`
    /// if there is no such date. `now` is the clock, for what the line does
    /// not tell: the year, or the day.
    ///
    /// # Errors
    ///
    /// When fail2ban would give up the line.
    pub(crate) fn convert(
        &mut self,
        line: &str,
        found: &FoundDate,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, ConversionRaises> {
        let template = &self.templates.templates()[found.template];
        let groups = Groups {
            line,
            slots: &self.slots,
        };
        match template.kind {
            Kind::Fields => match template.compiled() {
                Ok(compiled) => self.reader.read(found.template, compiled, &groups, now),
                // It found something, so it was compiled.
                Err(_) => Ok(None),
            },
            Kind::Epoch { group, long } => {
                let text = groups.get(group).ok_or(ConversionRaises::EpochMissing)?;
                Ok(epoch::read(text, long))
            }
            Kind::PlacedEpoch { long } => {
                let text = line.get(found.cut.clone());
                Ok(text.and_then(|text| epoch::read(text, long)))
            }
            Kind::Tai64n => Ok(groups.get(1).and_then(epoch::tai64n)),
        }
    }

    /// The templates in the order in which they are tried now. Default ones
    /// are there from the first search on.
    pub(crate) fn hits(&self) -> Vec<TemplateHits> {
        if self.templates.is_default() && !self.searched {
            return Vec::new();
        }
        (0..self.order.len())
            .map(|place| {
                let template = self.template(place);
                TemplateHits {
                    name: template.name.clone(),
                    pattern: template.pattern.clone(),
                    regex: template.regex.as_str().to_owned(),
                    hits: self.order[place].hits,
                    weight: self.weight(place),
                    factor: template.factor,
                }
            })
            .collect()
    }
}
