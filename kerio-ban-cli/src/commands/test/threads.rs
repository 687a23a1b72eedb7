//! Reading one log with several threads.
//!
//! All threads take blocks from the log in turn. This one judges a block whose
//! turn it is as if it were alone; any other block is judged ahead of its turn,
//! into a part of the report. In the order of the blocks, the parts are added to
//! the report, or, where what was known at the time could have made a
//! difference, the block is judged anew here. The report is the same as with one
//! thread.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use kerio_ban_core::{BlockOptions, Session};

use super::judging::Judging;
use super::reading::Read;
use crate::input::{Block, LogLines};
use crate::report::{Part, PartialReport, Report, Tally};

/// The reading of one log.
pub(super) struct Reading<'a> {
    pub(super) log: &'a str,
    pub(super) options: &'a BlockOptions,
    pub(super) tally: &'a mut Tally,
    pub(super) report: &'a mut dyn Report,
}

/// The log, from which threads take blocks.
struct Source<'l> {
    state: Mutex<State<'l>>,
    /// Told when blocks were reported, and when no more are wanted.
    changed: Condvar,
    /// How many blocks there may be that are not yet reported.
    room: u64,
}

struct State<'l> {
    lines: &'l mut LogLines,
    /// How many blocks were taken.
    taken: u64,
    /// The number of the last line of these.
    last: u64,
    /// How many blocks were reported.
    reported: u64,
    /// Memory of blocks that are done.
    spare: Vec<Block>,
    at_end: bool,
    broken: Option<io::Error>,
    /// Whether blocks are judged ahead of their turn.
    ahead: bool,
}

/// A block, and where it stands in the log.
struct Task {
    block: Block,
    turn: u64,
    /// The number of the line before it.
    number: u64,
}

/// What comes of asking for a block.
enum Taken {
    Task(Task),
    /// Others have to be reported first.
    Full,
    End,
}

/// A block that was taken ahead of its turn, and what came of it if it could be
/// judged.
struct Done {
    task: Task,
    judged: Option<(Session, Tally, Part)>,
}

/// By so much, blocks that must be judged anew may outnumber the others before
/// no more are judged ahead: the dates of some logs never settle.
const PATIENCE: u64 = 4;

impl<'a> Reading<'a> {
    /// Reads a log to its end.
    pub(super) fn all(
        mut self,
        lines: &mut LogLines,
        session: &mut Session,
        threads: usize,
    ) -> io::Result<Read> {
        let source = Source::new(lines, threads as u64);
        // Nothing is known before the first block.
        if let Taken::Task(first) = source.take(Who::Reporter) {
            self.judge(session, &first)?;
            source.reported(1, &mut vec![first.block]);
            if let Taken::Task(second) = source.take(Who::Reporter) {
                thread::scope(|scope| {
                    let (sender, done) = channel();
                    for _ in 1..threads {
                        let Some(ahead) = self.ahead(session) else {
                            break;
                        };
                        let (source, sender) = (&source, sender.clone());
                        let thread = thread::Builder::new().name("judge".to_owned());
                        // Where there can be no thread, this one does everything.
                        let _ = thread.spawn_scoped(scope, move || ahead.run(source, &sender));
                    }
                    drop(sender);
                    let _stop = Stop(&source);
                    self.rest(&source, session, second, &done)
                })?;
            }
        }
        let mut state = source.lock();
        Ok(Read {
            lines: state.last,
            broken: state.broken.take(),
        })
    }

    /// Judges and reports, beginning with the second block.
    fn rest(
        &mut self,
        source: &Source<'_>,
        session: &mut Session,
        second: Task,
        done: &Receiver<Done>,
    ) -> io::Result<()> {
        let mut turn = second.turn;
        let mut early = BTreeMap::new();
        let mut spare = Vec::new();
        let mut in_vain = 0;
        let mut taken = Taken::Task(second);
        loop {
            match taken {
                Taken::Task(task) if task.turn == turn => {
                    self.judge(session, &task)?;
                    turn += 1;
                    spare.push(task.block);
                }
                Taken::Task(task) => {
                    let done = match self.ahead(session) {
                        Some(ahead) => ahead.judge(task).0,
                        None => Done { task, judged: None },
                    };
                    early.insert(done.task.turn, done);
                }
                Taken::End if turn == source.lock().taken => return Ok(()),
                // Others are at work on it.
                Taken::Full | Taken::End => {
                    let next = done.recv().map_err(io::Error::other)?;
                    early.insert(next.task.turn, next);
                }
            }
            early.extend(done.try_iter().map(|done| (done.task.turn, done)));
            while let Some(Done { task, judged }) = early.remove(&turn) {
                match judged.filter(|(ahead, ..)| session.take_over(ahead)) {
                    Some((_, tally, part)) => {
                        in_vain = u64::saturating_sub(in_vain, 1);
                        self.tally.add(&tally);
                        self.report.add(part)?;
                    }
                    None => {
                        in_vain += 1;
                        self.judge(session, &task)?;
                    }
                }
                turn += 1;
                spare.push(task.block);
            }
            source.reported(turn, &mut spare);
            if in_vain >= PATIENCE {
                source.lock().ahead = false;
            }
            taken = source.take(Who::Reporter);
        }
    }

    fn judge(&mut self, session: &mut Session, task: &Task) -> io::Result<u64> {
        Judging {
            log: self.log,
            options: self.options,
            tally: self.tally,
            report: self.report,
        }
        .block(session, &task.block, task.number, None)
    }

    /// What judges blocks further on, with what is known now.
    fn ahead(&self, session: &Session) -> Option<Ahead<'a>> {
        Some(Ahead {
            log: self.log,
            options: self.options,
            session: session.ahead()?,
            tally: self.tally.empty(),
            report: self.report.part(),
        })
    }
}

/// Who asks for a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    /// The thread that reports.
    Reporter,
    /// Another one. It waits for others to be reported.
    Judge,
}

impl<'l> Source<'l> {
    fn new(lines: &'l mut LogLines, threads: u64) -> Source<'l> {
        Source {
            state: Mutex::new(State {
                lines,
                taken: 0,
                last: 0,
                reported: 0,
                spare: Vec::new(),
                at_end: false,
                broken: None,
                ahead: true,
            }),
            changed: Condvar::new(),
            room: 2 * threads + 2,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<'l>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next block of the log.
    fn take(&self, who: Who) -> Taken {
        let mut state = self.lock();
        loop {
            let waiting = state.taken - state.reported;
            let room = if state.ahead { self.room } else { 1 };
            if state.at_end || (who == Who::Judge && !state.ahead) {
                return Taken::End;
            }
            if waiting < room {
                return state.next();
            }
            if who == Who::Reporter {
                return Taken::Full;
            }
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes note of how many blocks were reported, and takes memory back.
    fn reported(&self, blocks: u64, spare: &mut Vec<Block>) {
        let mut state = self.lock();
        state.spare.append(spare);
        let was_full = state.taken - state.reported >= self.room;
        state.reported = blocks;
        drop(state);
        if was_full {
            self.changed.notify_all();
        }
    }
}

impl State<'_> {
    fn next(&mut self) -> Taken {
        let mut block = self.spare.pop().unwrap_or_default();
        match self.lines.take_block(&mut block) {
            Ok(true) => {
                let number = self.last;
                let ends = memchr::memchr_iter(b'\n', &block).count() as u64;
                self.last += ends + u64::from(!block.ends_with(b"\n"));
                self.taken += 1;
                Taken::Task(Task {
                    block,
                    turn: self.taken - 1,
                    number,
                })
            }
            end => {
                self.at_end = true;
                self.broken = end.err();
                Taken::End
            }
        }
    }
}

/// Lets the other threads end when the one that reports does.
struct Stop<'s, 'l>(&'s Source<'l>);

impl Drop for Stop<'_, '_> {
    fn drop(&mut self) {
        self.0.lock().ahead = false;
        self.0.changed.notify_all();
    }
}

/// Judges blocks ahead of their turn. What one block leaves behind is the best
/// guess at what there is at the start of another one.
struct Ahead<'a> {
    log: &'a str,
    options: &'a BlockOptions,
    session: Session,
    tally: Tally,
    report: Box<dyn PartialReport>,
}

impl<'a> Ahead<'a> {
    /// Judges blocks until there are no more.
    fn run(self, source: &Source<'_>, done: &Sender<Done>) {
        let mut ahead = Some(self);
        while let Some(this) = ahead.take()
            && let Taken::Task(task) = source.take(Who::Judge)
        {
            let (judged, next) = this.judge(task);
            ahead = next;
            // Once the output is closed, nobody waits for it.
            drop(done.send(judged));
        }
    }

    /// Judges a block. Also what is to judge another one.
    fn judge(mut self, task: Task) -> (Done, Option<Ahead<'a>>) {
        let judged = Judging {
            log: self.log,
            options: self.options,
            tally: &mut self.tally,
            report: &mut *self.report,
        }
        .block(&mut self.session, &task.block, task.number, None);
        let next = self.session.ahead().map(|session| Ahead {
            log: self.log,
            options: self.options,
            session,
            tally: self.tally.empty(),
            report: self.report.another(),
        });
        let all = (self.session, self.tally, self.report.end());
        let judged = judged.ok().map(|_| all);
        (Done { task, judged }, next)
    }
}
