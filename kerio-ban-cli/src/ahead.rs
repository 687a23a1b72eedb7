//! Reading one log with several threads.
//!
//! All threads take blocks from the log in turn. This one judges a block whose
//! turn it is as if it were alone; any other block is judged ahead of its turn,
//! by what is known at the time. In the order of the blocks, what came of them
//! is taken, or, where that could have made a difference, the block is judged
//! anew here. What comes out is the same as with one thread.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::{hint, io, mem, thread};

use crate::input::{Block, LogLines};

/// What is done in the order of the blocks.
pub(crate) trait Turns {
    type Ahead: Ahead;

    /// Judges a block whose turn it is, and which begins after line `number`.
    /// The number of its last line.
    fn judge(&mut self, block: &[u8], number: u64) -> io::Result<u64>;

    /// What judges blocks further on, by what is known now. `None` if that is
    /// no help.
    fn ahead(&self) -> Option<Self::Ahead>;

    /// Takes what came of a block, or judges it anew. Whether nothing had to
    /// be judged anew.
    fn take(
        &mut self,
        done: <Self::Ahead as Ahead>::Done,
        block: &[u8],
        number: u64,
    ) -> io::Result<bool>;
}

/// What judges blocks ahead of their turn.
pub(crate) trait Ahead: Send + Sized {
    /// What comes of a block.
    type Done: Send;

    /// Judges a block, which begins after line `number`. `None` if that cannot
    /// be done ahead of its turn.
    ///
    /// Also what is to judge another one: what one block leaves behind is the
    /// best guess at what there is at the start of the next.
    fn judge(self, block: &[u8], number: u64) -> (Option<Self::Done>, Option<Self>);
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

/// How often it is asked whether nobody reads, before a thread goes to sleep.
const BUSY: usize = 2000;

/// Reads a log to its end, with as many threads as are of use.
///
/// # Errors
/// What `turns` says.
pub(crate) fn read<T: Turns>(
    lines: &mut LogLines,
    threads: usize,
    turns: &mut T,
) -> io::Result<Read> {
    // Nothing is known before the first block.
    let first = match lines.next_block() {
        Ok(Some(block)) => turns.judge(block, 0)?,
        end => {
            return Ok(Read {
                lines: 0,
                broken: end.err(),
            });
        }
    };
    if threads < 2 || turns.ahead().is_none() {
        return alone(lines, first, turns);
    }
    let source = Source::new(lines, first, threads);
    if let Taken::Task(task) = source.take(FIRST) {
        thread::scope(|scope| {
            let (sender, done) = channel();
            for index in 1..threads {
                let Some(ahead) = turns.ahead() else {
                    break;
                };
                let (source, sender) = (&source, sender.clone());
                let thread = thread::Builder::new().name("judge".to_owned());
                // Where there can be no thread, this one does everything.
                let _ = thread.spawn_scoped(scope, move || run(index, ahead, source, &sender));
            }
            drop(sender);
            let _stop = Stop(&source);
            in_order(&source, task, &done, turns)
        })?;
    }
    let mut state = source.lock();
    Ok(Read {
        lines: *state.last.wait(),
        broken: state.broken.take(),
    })
}

/// Reads on with this thread alone.
fn alone<T: Turns>(lines: &mut LogLines, mut number: u64, turns: &mut T) -> io::Result<Read> {
    loop {
        match lines.next_block() {
            Ok(Some(block)) => number = turns.judge(block, number)?,
            end => {
                return Ok(Read {
                    lines: number,
                    broken: end.err(),
                });
            }
        }
    }
}

/// A block, and where it stands in the log.
struct Task {
    block: Block,
    /// The thread that read it.
    reader: usize,
    turn: u64,
    /// The number of the line before it.
    number: u64,
}

/// The number of the last line of a block, once its lines have been counted.
type LastLine = Arc<OnceLock<u64>>;

/// A block that was taken ahead of its turn, and what came of it if it could be
/// judged.
struct Early<D> {
    task: Task,
    done: Option<D>,
}

/// Judges blocks ahead of their turn until there are no more.
fn run<A: Ahead>(index: usize, ahead: A, source: &Source<'_>, to: &Sender<Early<A::Done>>) {
    let mut ahead = Some(ahead);
    while let Some(this) = ahead.take()
        && let Taken::Task(task) = source.take(index)
    {
        let (done, next) = this.judge(&task.block, task.number);
        ahead = next;
        // Once the output is closed, nobody waits for it.
        drop(to.send(Early { task, done }));
    }
}

/// Judges, and takes what others have judged.
fn in_order<T: Turns>(
    source: &Source<'_>,
    first: Task,
    others: &Receiver<Early<<T::Ahead as Ahead>::Done>>,
    turns: &mut T,
) -> io::Result<()> {
    let mut turn = first.turn;
    let mut early = BTreeMap::new();
    let mut spare = Vec::new();
    let mut in_vain = 0;
    let mut taken = Taken::Task(first);
    loop {
        match taken {
            Taken::Task(task) if task.turn == turn => {
                turns.judge(&task.block, task.number)?;
                turn += 1;
                spare.push(task);
            }
            Taken::Task(task) => {
                let ahead = turns.ahead();
                let done = ahead.and_then(|ahead| ahead.judge(&task.block, task.number).0);
                early.insert(task.turn, Early { task, done });
            }
            Taken::End if turn == source.lock().taken => return Ok(()),
            // Others are at work on it.
            Taken::Full | Taken::End => {
                let next = others.recv().map_err(io::Error::other)?;
                early.insert(next.task.turn, next);
            }
        }
        early.extend(others.try_iter().map(|early| (early.task.turn, early)));
        while let Some(Early { task, done }) = early.remove(&turn) {
            let good = match done {
                Some(done) => turns.take(done, &task.block, task.number)?,
                None => {
                    turns.judge(&task.block, task.number)?;
                    false
                }
            };
            in_vain = if good {
                u64::saturating_sub(in_vain, 1)
            } else {
                in_vain + 1
            };
            turn += 1;
            spare.push(task);
        }
        source.done(turn, &mut spare);
        if in_vain >= PATIENCE {
            source.lock().ahead = false;
        }
        taken = source.take(FIRST);
    }
}

/// The log, from which threads take blocks.
struct Source<'l> {
    state: Mutex<State<'l>>,
    /// Told when turns have passed, and when no more blocks are wanted.
    changed: Condvar,
    /// How many blocks there may be whose turn has not passed.
    room: u64,
}

struct State<'l> {
    lines: &'l mut LogLines,
    /// How many blocks were taken.
    taken: u64,
    /// The number of the last line of these.
    last: LastLine,
    /// How many turns have passed.
    done: u64,
    /// For each thread, memory of blocks that it read and that are done.
    spare: Vec<Vec<Block>>,
    at_end: bool,
    broken: Option<io::Error>,
    /// Whether blocks are judged ahead of their turn.
    ahead: bool,
}

/// What comes of asking for a block.
enum Taken {
    Task(Task),
    /// Others have to be done first.
    Full,
    End,
}

/// The thread that goes by the order of the blocks. Any other one waits until
/// others are done.
const FIRST: usize = 0;

impl<'l> Source<'l> {
    /// `last`: the number of the last line that was read.
    fn new(lines: &'l mut LogLines, last: u64, threads: usize) -> Source<'l> {
        Source {
            state: Mutex::new(State {
                lines,
                taken: 0,
                last: Arc::new(OnceLock::from(last)),
                done: 0,
                spare: (0..threads).map(|_| Vec::new()).collect(),
                at_end: false,
                broken: None,
                ahead: true,
            }),
            changed: Condvar::new(),
            room: 2 * threads as u64 + 2,
        }
    }

    /// What has it reads a block, which is mostly over sooner than a thread can
    /// be put to sleep and woken up. So at first this waits busily.
    fn lock(&self) -> MutexGuard<'_, State<'l>> {
        for _ in 0..BUSY {
            match self.state.try_lock() {
                Ok(state) => return state,
                Err(TryLockError::Poisoned(state)) => return state.into_inner(),
                Err(TryLockError::WouldBlock) => hint::spin_loop(),
            }
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next block of the log, for the thread of this index.
    fn take(&self, index: usize) -> Taken {
        let mut state = self.lock();
        loop {
            let waiting = state.taken - state.done;
            let room = if state.ahead { self.room } else { 1 };
            if state.at_end || (index != FIRST && !state.ahead) {
                return Taken::End;
            }
            if waiting < room {
                let block = state.next(index);
                drop(state);
                return block.map_or(Taken::End, |block| Taken::Task(block.number()));
            }
            if index == FIRST {
                return Taken::Full;
            }
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes note of how many turns have passed, and takes memory back.
    fn done(&self, turns: u64, spare: &mut Vec<Task>) {
        let mut state = self.lock();
        for task in spare.drain(..) {
            state.spare[task.reader].push(task.block);
        }
        let was_full = state.taken - state.done >= self.room;
        state.done = turns;
        drop(state);
        if was_full {
            self.changed.notify_all();
        }
    }
}

impl State<'_> {
    /// Reads the next block. `None` at the end.
    fn next(&mut self, reader: usize) -> Option<Unnumbered> {
        let mut block = self.spare[reader].pop().unwrap_or_default();
        match self.lines.take_block(&mut block) {
            Ok(true) => {
                self.taken += 1;
                let last = LastLine::default();
                Some(Unnumbered {
                    block,
                    reader,
                    turn: self.taken - 1,
                    before: mem::replace(&mut self.last, Arc::clone(&last)),
                    last,
                })
            }
            end => {
                self.at_end = true;
                self.broken = end.err();
                None
            }
        }
    }
}

/// A block whose lines have not been counted. That is done while others read.
struct Unnumbered {
    block: Block,
    reader: usize,
    turn: u64,
    before: LastLine,
    last: LastLine,
}

impl Unnumbered {
    fn number(self) -> Task {
        let ends = memchr::memchr_iter(b'\n', &self.block).count() as u64;
        let lines = ends + u64::from(!self.block.ends_with(b"\n"));
        let number = *self.before.wait();
        self.last.get_or_init(|| number + lines);
        Task {
            block: self.block,
            reader: self.reader,
            turn: self.turn,
            number,
        }
    }
}

/// Lets the other threads end when the first one does.
struct Stop<'s, 'l>(&'s Source<'l>);

impl Drop for Stop<'_, '_> {
    fn drop(&mut self) {
        self.0.lock().ahead = false;
        self.0.changed.notify_all();
    }
}
