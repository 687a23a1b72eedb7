//! Reading one log with several threads.
//!
//! This thread reads blocks and hands them out; the others judge them ahead of
//! their turn, each into a part of the report. In the order of the blocks, the
//! parts are added to the report, or, where what was known at the time could
//! have made a difference, the block is judged anew here. The report is the
//! same as with one thread.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use kerio_ban_core::{BlockOptions, Session};

use super::judging::Judging;
use super::reading::Read;
use crate::input::LogLines;
use crate::report::{Part, PartialReport, Report, Tally};

/// The reading of one log.
pub(super) struct Reading<'a> {
    pub(super) log: &'a str,
    pub(super) options: &'a BlockOptions,
    pub(super) tally: &'a mut Tally,
    pub(super) report: &'a mut dyn Report,
}

/// A block that is to be judged ahead of its turn.
struct Task {
    block: Vec<u8>,
    /// The number of the line before it.
    number: u64,
    session: Session,
    tally: Tally,
    report: Box<dyn PartialReport>,
    done: Sender<Done>,
}

/// A block that was judged.
struct Done {
    block: Vec<u8>,
    session: Session,
    tally: Tally,
    part: Part,
}

/// A block that has been read and not yet been reported.
struct Pending {
    number: u64,
    work: Work,
}

enum Work {
    /// Another thread judges it.
    Ahead(Receiver<Done>),
    /// It is to be judged when its turn comes.
    Later(Vec<u8>),
}

/// By so much, blocks that must be judged anew may outnumber the others before
/// no more are judged ahead: the dates of some logs never settle.
const PATIENCE: u64 = 4;

impl Reading<'_> {
    /// Reads a log to its end.
    pub(super) fn all(
        mut self,
        lines: &mut LogLines,
        session: &mut Session,
        threads: usize,
    ) -> io::Result<Read> {
        // Nothing is known before the first block.
        let last = match lines.next_block() {
            Ok(Some(block)) => self.judge(session, block, 0)?,
            end => {
                return Ok(Read {
                    lines: 0,
                    broken: end.err(),
                });
            }
        };
        let (tasks, queue) = channel();
        let queue = Mutex::new(queue);
        thread::scope(|scope| {
            let worker = Worker {
                log: self.log,
                options: self.options,
                queue: &queue,
            };
            // Where there can be no thread, this one does everything.
            let started = (0..threads).take_while(|_| {
                let thread = thread::Builder::new().name("judge".to_owned());
                thread.spawn_scoped(scope, move || worker.run()).is_ok()
            });
            let line = Line {
                tasks,
                threads: started.count(),
                pending: VecDeque::new(),
                spare: Vec::new(),
                last,
                good: 0,
                again: 0,
            };
            self.rest(line, lines, session)
        })
    }

    fn rest(
        &mut self,
        mut line: Line,
        lines: &mut LogLines,
        session: &mut Session,
    ) -> io::Result<Read> {
        let mut broken = None;
        let mut at_end = false;
        loop {
            while !at_end && line.pending.len() <= line.threads {
                match lines.next_block() {
                    Ok(Some(block)) => line.hand_out(block, session, &*self.report, self.tally),
                    end => {
                        broken = end.err();
                        at_end = true;
                    }
                }
            }
            let Some(Pending { number, work }) = line.pending.pop_front() else {
                return Ok(Read {
                    lines: line.last,
                    broken,
                });
            };
            let block = match work {
                Work::Later(block) => block,
                Work::Ahead(done) => {
                    // A thread ends only when there are no more tasks.
                    let done = done.recv().map_err(io::Error::other)?;
                    if session.take_over(&done.session) {
                        line.good += 1;
                        self.tally.add(&done.tally);
                        self.report.add(done.part)?;
                        line.spare.push(done.block);
                        continue;
                    }
                    line.again += 1;
                    done.block
                }
            };
            self.judge(session, &block, number)?;
            line.spare.push(block);
        }
    }

    fn judge(&mut self, session: &mut Session, block: &[u8], number: u64) -> io::Result<u64> {
        Judging {
            log: self.log,
            options: self.options,
            tally: self.tally,
            report: self.report,
        }
        .block(session, block, number, None)
    }
}

/// The blocks between reading and reporting.
struct Line {
    tasks: Sender<Task>,
    threads: usize,
    pending: VecDeque<Pending>,
    /// Memory of blocks that are done.
    spare: Vec<Vec<u8>>,
    /// The number of the last line that was read.
    last: u64,
    /// How many blocks were judged ahead to good purpose, and how many to none.
    good: u64,
    again: u64,
}

impl Line {
    fn hand_out(&mut self, block: &[u8], session: &Session, report: &dyn Report, tally: &Tally) {
        let number = self.last;
        let ends = memchr::memchr_iter(b'\n', block).count() as u64;
        self.last += ends + u64::from(!block.ends_with(b"\n"));
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(block);
        let hopeful = self.threads > 0 && self.again < self.good + PATIENCE;
        let work = match session.ahead().filter(|_| hopeful) {
            Some(session) => {
                let (done, result) = channel();
                let task = Task {
                    block: copy,
                    number,
                    session,
                    tally: tally.empty(),
                    report: report.part(),
                    done,
                };
                match self.tasks.send(task) {
                    Ok(()) => Work::Ahead(result),
                    Err(unsent) => Work::Later(unsent.0.block),
                }
            }
            None => Work::Later(copy),
        };
        self.pending.push_back(Pending { number, work });
    }
}

#[derive(Clone, Copy)]
struct Worker<'w> {
    log: &'w str,
    options: &'w BlockOptions,
    queue: &'w Mutex<Receiver<Task>>,
}

impl Worker<'_> {
    /// Judges blocks until there are no more.
    fn run(self) {
        loop {
            let task = match self.queue.lock() {
                Ok(queue) => queue.recv(),
                Err(_) => return,
            };
            let Ok(Task {
                block,
                number,
                mut session,
                mut tally,
                mut report,
                done,
            }) = task
            else {
                return;
            };
            let judged = Judging {
                log: self.log,
                options: self.options,
                tally: &mut tally,
                report: &mut *report,
            }
            .block(&mut session, &block, number, None);
            // Parts of reports are written to memory, which does not fail.
            if judged.is_ok() {
                let part = report.end();
                // Once the output is closed, nobody waits for it.
                drop(done.send(Done {
                    block,
                    session,
                    tally,
                    part,
                }));
            }
        }
    }
}
