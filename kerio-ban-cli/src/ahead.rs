//! Reading one log with several threads.
//!
//! One thread reads blocks and hands them out; the others judge them ahead of
//! their turn, each beginning with what is known at the time. In the order of
//! the blocks, the results are taken, or, where what was known could have made
//! a difference, the block is judged anew. What comes out is the same as with
//! one thread.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::input::LogLines;

/// How a block is judged in any thread.
pub(crate) trait Judge: Sync {
    /// What is known when a block is handed out.
    type Start: Send;
    /// What comes of a block.
    type Done: Send;

    /// Judges a block, the first line of which comes after line `number`.
    /// `None` if that cannot be done ahead of its turn.
    fn judge(&self, start: Self::Start, block: &[u8], number: u64) -> Option<Self::Done>;
}

/// What is done in the order of the blocks.
pub(crate) trait Turns<J: Judge> {
    /// What is known now. `None` if that is no help.
    fn start(&self) -> Option<J::Start>;

    /// Judges a block now that it is its turn.
    fn judge(&mut self, block: &[u8], number: u64) -> io::Result<()>;

    /// Takes what came of a block, or judges it anew. Whether nothing had to
    /// be judged anew.
    fn take(&mut self, done: J::Done, block: &[u8], number: u64) -> io::Result<bool>;
}

/// How far a log was read: to its end, or to where it cannot be read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) lines: u64,
    pub(crate) broken: Option<io::Error>,
}

/// By so much, blocks that must be judged anew may outnumber the others before
/// no more are judged ahead: the dates of some logs never settle.
const PATIENCE: u64 = 4;

/// Reads a log to its end, with so many threads beside this one.
///
/// # Errors
/// What `turns` says.
pub(crate) fn read<J: Judge>(
    lines: &mut LogLines,
    threads: usize,
    judge: &J,
    turns: &mut impl Turns<J>,
) -> io::Result<Read> {
    let (tasks, queue) = channel();
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        let worker = Worker {
            judge,
            queue: &queue,
        };
        // Where there can be no thread, this one does everything.
        let started = (0..threads).take_while(|_| {
            let thread = thread::Builder::new().name("judge".to_owned());
            thread.spawn_scoped(scope, move || worker.run()).is_ok()
        });
        let blocks = Blocks {
            tasks,
            threads: started.count(),
            pending: VecDeque::new(),
            spare: Vec::new(),
            last: 0,
            good: 0,
            again: 0,
        };
        blocks.read(lines, turns)
    })
}

/// A block that is to be judged ahead of its turn.
struct Task<J: Judge> {
    block: Vec<u8>,
    /// The number of the line before it.
    number: u64,
    start: J::Start,
    to: Sender<(Vec<u8>, J::Done)>,
}

/// A block that has been read and whose turn has not come.
struct Pending<D> {
    number: u64,
    work: Work<D>,
}

enum Work<D> {
    /// Another thread judges it.
    Ahead(Receiver<(Vec<u8>, D)>),
    /// It is to be judged when its turn comes.
    Later(Vec<u8>),
}

/// The blocks between reading and their turn.
struct Blocks<J: Judge> {
    tasks: Sender<Task<J>>,
    threads: usize,
    pending: VecDeque<Pending<J::Done>>,
    /// Memory of blocks that are done.
    spare: Vec<Vec<u8>>,
    /// The number of the last line that was read.
    last: u64,
    /// How many blocks were judged ahead to good purpose, and how many to none.
    good: u64,
    again: u64,
}

impl<J: Judge> Blocks<J> {
    fn read(mut self, lines: &mut LogLines, turns: &mut impl Turns<J>) -> io::Result<Read> {
        let mut broken = None;
        let mut at_end = false;
        loop {
            while !at_end && self.pending.len() <= self.threads {
                match lines.next_block() {
                    Ok(Some(block)) => self.hand_out(block, turns)?,
                    end => {
                        broken = end.err();
                        at_end = true;
                    }
                }
            }
            let Some(Pending { number, work }) = self.pending.pop_front() else {
                return Ok(Read {
                    lines: self.last,
                    broken,
                });
            };
            let block = match work {
                Work::Later(block) => {
                    turns.judge(&block, number)?;
                    block
                }
                Work::Ahead(done) => {
                    // A thread ends only when there are no more tasks.
                    let (block, done) = done.recv().map_err(io::Error::other)?;
                    match turns.take(done, &block, number)? {
                        true => self.good += 1,
                        false => self.again += 1,
                    }
                    block
                }
            };
            self.spare.push(block);
        }
    }

    fn hand_out(&mut self, block: &[u8], turns: &mut impl Turns<J>) -> io::Result<()> {
        let number = self.last;
        let ends = memchr::memchr_iter(b'\n', block).count() as u64;
        self.last += ends + u64::from(!block.ends_with(b"\n"));
        // Nothing is known before the first block.
        if number == 0 || self.threads == 0 && self.pending.is_empty() {
            return turns.judge(block, number);
        }
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(block);
        let hopeful = self.threads > 0 && self.again < self.good + PATIENCE;
        let work = match turns.start().filter(|_| hopeful) {
            Some(start) => {
                let (to, done) = channel();
                let task = Task {
                    block: copy,
                    number,
                    start,
                    to,
                };
                match self.tasks.send(task) {
                    Ok(()) => Work::Ahead(done),
                    Err(unsent) => Work::Later(unsent.0.block),
                }
            }
            None => Work::Later(copy),
        };
        self.pending.push_back(Pending { number, work });
        Ok(())
    }
}

struct Worker<'w, J: Judge> {
    judge: &'w J,
    queue: &'w Mutex<Receiver<Task<J>>>,
}

impl<J: Judge> Clone for Worker<'_, J> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<J: Judge> Copy for Worker<'_, J> {}

impl<J: Judge> Worker<'_, J> {
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
                start,
                to,
            }) = task
            else {
                return;
            };
            if let Some(done) = self.judge.judge(start, &block, number) {
                // Once the output is closed, nobody waits for it.
                drop(to.send((block, done)));
            }
        }
    }
}
