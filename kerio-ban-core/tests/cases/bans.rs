//! Recorded decisions: `bans.json`.

use kerio_ban_core::{
    Ban, BanTime, Decision, EarlierBan, Failure, FailureId, Increment, Jail, Timestamp, Tracker,
    parse_duration,
};
use serde_json::{Map, Value, json};

use crate::Tally;

/// Runs every case and compares the events.
pub(crate) fn run(cases: &Value, tally: &mut Tally) {
    for case in cases.as_array().into_iter().flatten() {
        let mut replay = Replay::new(case);
        replay.play(case);
        let mut expected: Vec<Value> = Vec::new();
        for event in case["expect"].as_array().into_iter().flatten() {
            expected.push(plain_numbers(event));
        }
        expected.push(json!({ "left": plain_numbers(&case["expect_left"]) }));
        let left: Map<String, Value> = replay
            .tracker
            .counts()
            .map(|(id, count)| (id.to_string(), json!(count as f64)))
            .collect();
        replay.events.push(json!({ "left": left }));
        let id = case["id"].as_str().unwrap_or("?");
        tally.compare(id, &Value::Array(expected), &Value::Array(replay.events));
    }
}

/// `5` and `5.0` are the same number.
fn plain_numbers(value: &Value) -> Value {
    match value {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), plain_numbers(value)))
            .collect(),
        other => other
            .as_f64()
            .map_or_else(|| other.clone(), |number| json!(number)),
    }
}

struct Replay {
    tracker: Tracker,
    now: Timestamp,
    events: Vec<Value>,
}

fn seconds(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => parse_duration(text).ok(),
        other => other.as_f64(),
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_f64().and_then(Timestamp::from_seconds)
}

impl Replay {
    fn new(case: &Value) -> Replay {
        let settings = &case["jail"];
        let mut jail = Jail::builder("j1")
            .find_time(seconds(&settings["findtime"]).unwrap())
            .max_retry(settings["maxretry"].as_u64().unwrap())
            .ban_time(BanTime::from_seconds(
                seconds(&settings["bantime"]).unwrap(),
            ));
        if let Some(lines) = settings["maxmatches"].as_u64() {
            jail = jail.max_matches(lines as usize);
        }
        if let Some(age) = seconds(&settings["dbpurgeage"]) {
            jail = jail.purge_age(age);
        }
        if settings["bantime.increment"] == json!(true) {
            let mut increment = Increment::new()
                .max_time(seconds(&settings["bantime.maxtime"]))
                .random_time(seconds(&settings["bantime.rndtime"]))
                .overall_jails(settings["bantime.overalljails"] == json!(true));
            if let Some(factor) = settings["bantime.factor"].as_str() {
                increment = increment.factor(factor.parse().unwrap());
            }
            if let Some(formula) = settings["bantime.formula"].as_str() {
                increment = increment.formula_text(formula).unwrap();
            }
            if let Some(list) = settings["bantime.multipliers"].as_str() {
                let numbers = list.split(' ').map(|number| number.parse().unwrap());
                increment = increment.multipliers(numbers.collect());
            }
            jail = jail.increment(Some(increment));
        }
        let mut tracker = jail.build().tracker();
        if let Some(value) = case["random"].as_f64() {
            tracker.set_random(move || value);
        }
        tracker.set_in_operation(case["inop"] != json!(false));
        for row in case["db_seed"].as_array().into_iter().flatten() {
            let id = FailureId::parse(row["ip"].as_str().unwrap()).unwrap();
            let ban = EarlierBan {
                time: row["timeofban"].as_f64().unwrap(),
                ban_time: BanTime::from_seconds(row["bantime"].as_f64().unwrap()),
                count: row["bancount"].as_u64().unwrap(),
            };
            if row["jail"] == "j1" {
                tracker.remember(&id, ban);
            } else {
                let jail = row["jail"].as_str().unwrap();
                tracker.remember_elsewhere(jail, &id, ban);
            }
        }
        let first = case["failures"].as_array().into_iter().flatten();
        let first = first
            .filter_map(|failure| time(&failure[2]).or(time(&failure[0])))
            .next();
        Replay {
            tracker,
            now: time(&case["start"]).or(first).unwrap(),
            events: Vec::new(),
        }
    }

    fn play(&mut self, case: &Value) {
        if case["restore"] == json!(true) {
            for restored in self.tracker.restore(self.now) {
                let event = ban_event("restore-ban", &restored.ban);
                self.events.push(event);
            }
        }
        for entry in case["failures"].as_array().into_iter().flatten() {
            match entry {
                Value::String(command) => self.command(command),
                failure => self.failure(failure),
            }
        }
        if let Some(end) = time(&case["end"]) {
            self.now = end;
            self.advance();
        }
    }

    fn advance(&mut self) {
        self.tracker.advance(self.now);
        self.unbans();
    }

    fn unbans(&mut self) {
        for unban in self.tracker.drain_unbans() {
            self.events.push(json!({
                "event": "unban",
                "ip": unban.id.to_string(),
                "end": unban.end.seconds(),
            }));
        }
    }

    fn failure(&mut self, entry: &Value) {
        let log_time = time(&entry[0]).unwrap();
        self.now = time(&entry[2]).unwrap_or(log_time);
        let id = entry[1].as_str().unwrap();
        if id == "-" {
            return self.advance();
        }
        let id = FailureId::parse(id).unwrap();
        let failure = Failure::new(id)
            .at(log_time)
            .with_line(format!("failure at {log_time}"));
        self.record(&failure);
    }

    fn record(&mut self, failure: &Failure) {
        let decision = self.tracker.record(failure, self.now);
        self.unbans();
        self.decided(decision);
    }

    fn decided(&mut self, decision: Decision) {
        let at = self.now.seconds();
        self.events.push(match decision {
            Decision::Ban(ban) => ban_event("ban", &ban),
            Decision::AlreadyBanned(already) => json!({
                "event": "already-banned",
                "at": at,
                "ip": already.id.to_string(),
                "prolonged": already.prolonged,
                "end": already.until.map_or(-1.0, Timestamp::seconds),
            }),
            Decision::Expired { id, start } => json!({
                "event": "expired",
                "at": at,
                "ip": id.to_string(),
                "start": start.seconds(),
            }),
            _ => return,
        });
    }

    fn command(&mut self, command: &str) {
        let words: Vec<&str> = command.split(' ').collect();
        match words[..] {
            ["inop"] => self.tracker.set_in_operation(true),
            ["purge"] => self.tracker.purge(self.now),
            ["banip", id] => {
                let id = FailureId::parse(id).unwrap();
                let decision = self.tracker.ban_by_hand(id, self.now);
                self.unbans();
                self.decided(decision);
            }
            ["unban", id] => {
                let id = FailureId::parse(id).unwrap();
                if self.tracker.unban_by_hand(&id) {
                    self.events
                        .push(json!({"event": "manual-unban", "ip": id.to_string()}));
                }
            }
            ["attempt", id, ref lines @ ..] => {
                let id = FailureId::parse(id).unwrap();
                let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
                let decision = self.tracker.attempt_by_hand(id, &lines, self.now);
                self.unbans();
                self.decided(decision);
            }
            _ => panic!("unknown command `{command}`"),
        }
    }
}

fn ban_event(event: &str, ban: &Ban) -> Value {
    json!({
        "event": event,
        "at": ban.at().seconds(),
        "ip": ban.id().to_string(),
        "start": ban.start().seconds(),
        "failures": ban.failures() as f64,
        "matches": ban.matches().len() as f64,
        "bantime": ban.ban_time().seconds(),
        "bancount": ban.count() as f64,
        "end": ban.until().map_or(-1.0, Timestamp::seconds),
    })
}
