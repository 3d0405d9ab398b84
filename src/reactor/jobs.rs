//! A small pool of threads for work that would hold a reactor up; results come back as messages.
//!
//! The pool is shared by all reactors and its queue is bounded: when it is full the answer is 503,
//! at once, not a queue that grows. One request has a few places in it, however many tasks it
//! brings. A job that panics has no reply, which becomes a 500 for its request, and its thread goes
//! on. Work that nobody waits for is not begun.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::AcqRel, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::{connections::ConnectionId, kernel::Wake};
use crate::config::bounds::PLACES_PER_THREAD;
use crate::http::{Asker, Job, Reply, Task, Waker, Work};
use crate::shortage::start_thread;

/// What reaches a reactor from other threads.
#[derive(Debug)]
pub enum Message {
    /// A job is done; there is no reply if it panicked. Boxed, since a reply is far larger than the
    /// other messages.
    Answer(ConnectionId, Option<Box<Reply>>),
    /// A job will not answer: nobody waits for it any more.
    Abandoned,
    /// A stream is to be asked again.
    Wake(Arc<Bell>),
    /// Begin a turn: something is to be looked at on top of it.
    Look,
    /// Most of the buffers are lent: somebody has to make room.
    Short,
    /// Begin to drain.
    Drain,
    /// Leave now.
    Leave,
}

/// Wakes one stream: however often it rings, one message at most is on its way.
#[derive(Debug)]
pub struct Bell {
    id: ConnectionId,
    has_rung: AtomicBool,
}

/// The waker of the stream that `id` sends, which is asked by the reactor at `address`.
pub fn waker(id: ConnectionId, address: &Address) -> Waker {
    let has_rung = AtomicBool::new(false);
    let (bell, address) = (Arc::new(Bell { id, has_rung }), address.clone());
    Waker::new(move || {
        if !bell.has_rung.swap(true, AcqRel) {
            address.send(Message::Wake(Arc::clone(&bell)));
        }
    })
}

impl Bell {
    /// Who is to be woken. From now on it rings again: before the source is asked, so that it sees
    /// whatever it is not told of any more.
    pub fn answer(&self) -> ConnectionId {
        self.has_rung.swap(false, AcqRel);
        self.id
    }
}

/// The end of a mailbox that other threads hold: a message sent wakes the reactor.
#[derive(Clone)]
pub struct Address {
    messages: Sender<Message>,
    wake: Wake,
}

/// The address of the reactor that polls with `wake`, and its own end of the mailbox.
pub fn mailbox(wake: Wake) -> (Address, Receiver<Message>) {
    let (messages, received) = unbounded();
    (Address { messages, wake }, received)
}

impl Address {
    /// Leaves a message; if the reactor is gone, nobody will miss it.
    pub fn send(&self, message: Message) {
        if self.messages.send(message).is_ok() {
            (self.wake)();
        }
    }
}

/// The pool; its threads end when the last clone of it is gone, and all work is done.
#[derive(Clone, Debug)]
pub struct JobPool {
    queue: Sender<Arc<Underway>>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
    /// Places in the queue that one request has at most.
    places_max: usize,
}

/// The queue has no room for the work.
#[derive(Debug, PartialEq, Eq)]
pub struct QueueFull;

impl JobPool {
    /// Starts the threads. Each says `done`, with its number, when it has done something.
    ///
    /// # Errors
    ///
    /// If the system refuses a thread (pthread_create(3)).
    pub fn start(
        threads: usize,
        waiting_max: usize,
        done: impl Fn(usize) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, places) = unbounded::<Arc<Underway>>();
        let waiting = Arc::new(AtomicUsize::new(0));
        for number in 0..threads {
            let (places, waiting, done) = (places.clone(), Arc::clone(&waiting), done.clone());
            start_thread(&format!("job-{number}"), move || {
                for place in places {
                    place.go_on(&waiting);
                    done(number);
                }
            })?;
        }
        Ok(Self {
            queue,
            waiting,
            waiting_max,
            places_max: threads * PLACES_PER_THREAD,
        })
    }

    /// Begins work whose reply goes to `id` at `address`. It has a place in the queue for each task
    /// that waits, but no more than [`PLACES_PER_THREAD`] for each thread; the rest of its tasks
    /// waits in the work itself, so those of other requests are done in between.
    ///
    /// # Errors
    ///
    /// [`QueueFull`] if the queue has no room for these places.
    pub fn run(&self, work: Work, id: ConnectionId, address: &Address) -> Result<Claim, QueueFull> {
        let (tasks, task): (_, Task) = match work.tasks {
            // The job comes after a task that does nothing.
            0 => (1, Arc::new(|_, _| ())),
            tasks => (tasks, work.task),
        };
        let places = tasks.min(self.places_max).min(self.waiting_max).max(1);
        // Both numbers count what is in memory: their sum does not overflow.
        let fits = |waiting| Some(waiting + places).filter(|sum| *sum <= self.waiting_max);
        let reserved = self.waiting.fetch_update(Relaxed, Relaxed, fits);
        reserved.map_err(|_| QueueFull)?;
        let open = Open {
            tasks,
            begun: 0,
            done: 0,
            task,
            job: work.job,
            id,
            address: address.clone(),
            queue: self.queue.clone(),
        };
        let underway = Arc::new(Underway {
            asker: Asker::default(),
            open: Mutex::new(Some(open)),
        });
        for _ in 0..places {
            // The threads hold receivers as long as there is a pool: sending cannot fail.
            let _ = self.queue.send(Arc::clone(&underway));
        }
        Ok(Claim(underway))
    }
}

/// The right to the reply of some work. Without it the work ends: nobody waits any more.
#[derive(Debug)]
pub struct Claim(Arc<Underway>);

/// What is not begun is dropped here and at once, not when a thread comes to it. Its places in the
/// queue are empty from now on, and free when a thread has passed over them.
impl Drop for Claim {
    fn drop(&mut self) {
        self.0.asker.go();
        if let Some(open) = self.0.lock().take() {
            open.address.send(Message::Abandoned);
        }
    }
}

/// Work under way, as its places in the queue and its claim share it. Whoever takes out what is
/// open sends the one message that ends it.
pub struct Underway {
    asker: Asker,
    open: Mutex<Option<Open>>,
}

/// What is left of it.
struct Open {
    tasks: usize,
    begun: usize,
    done: usize,
    task: Task,
    job: Job,
    id: ConnectionId,
    address: Address,
    queue: Sender<Arc<Underway>>,
}

impl Underway {
    /// Does the next task, and the job after the last one.
    fn go_on(self: &Arc<Self>, waiting: &AtomicUsize) {
        let Some((number, task)) = self.begin(waiting) else {
            return;
        };
        let ended = catch_unwind(AssertUnwindSafe(|| task(number, &self.asker)));
        let Some(open) = self.end(ended.is_err()) else {
            return;
        };
        let (job, asker) = (open.job, &self.asker);
        let reply = ended.and_then(|()| catch_unwind(AssertUnwindSafe(|| job(asker))));
        let reply = reply.ok().map(Box::new);
        open.address.send(Message::Answer(open.id, reply));
    }

    /// The next task, if one is left. While others follow it, its place goes to the end of the
    /// queue; else the place is free.
    fn begin(self: &Arc<Self>, waiting: &AtomicUsize) -> Option<(usize, Task)> {
        let mut open = self.lock();
        let next = open.as_mut().filter(|open| open.begun < open.tasks);
        let Some(next) = next else {
            waiting.fetch_sub(1, Relaxed);
            return None;
        };
        let number = next.begun;
        next.begun += 1;
        if next.begun < next.tasks {
            // This thread receives: sending cannot fail.
            let _ = next.queue.send(Arc::clone(self));
        } else {
            waiting.fetch_sub(1, Relaxed);
        }
        Some((number, Arc::clone(&next.task)))
    }

    /// A task has ended. What is open, if that was the last or it has failed.
    fn end(&self, has_failed: bool) -> Option<Open> {
        let mut open = self.lock();
        let left = open.as_mut()?;
        left.done += 1;
        if left.done == left.tasks || has_failed {
            return open.take();
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Underway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Underway").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Response, Status};
    use std::sync::mpsc;

    const ID: usize = 7;

    fn id() -> ConnectionId {
        ConnectionId::from_token(ID)
    }

    /// A pool, an address, and what arrives there.
    fn pool(threads: usize, waiting_max: usize) -> (JobPool, Address, Receiver<Message>) {
        let (address, received) = mailbox(Arc::new(|| ()));
        let pool = JobPool::start(threads, waiting_max, |_| ()).unwrap();
        (pool, address, received)
    }

    fn ok() -> Work {
        Work::new(|_| Response::empty(Status::NO_CONTENT).into())
    }

    /// Work that says when it runs and waits until it may end, and both ends of that.
    fn held() -> (Work, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let (release, gate) = mpsc::channel::<()>();
        let (running, started) = mpsc::channel();
        let hold = Work::new(move |_| {
            running.send(()).unwrap();
            let _ = gate.recv();
            ok().finish()
        });
        (hold, started, release)
    }

    #[test]
    fn a_job_answers_or_has_panicked() {
        let (pool, address, received) = pool(1, 8);
        let run = |work| pool.run(work, id(), &address).unwrap();
        let _claim = run(Work::new(|_| panic!("on purpose")));
        assert!(matches!(received.recv().unwrap(), Message::Answer(to, None) if to == id()));
        let _claim = run(ok());
        assert!(matches!(received.recv().unwrap(), Message::Answer(to, Some(_)) if to == id()));
    }

    #[test]
    fn the_queue_is_bounded_and_all_the_places_of_a_request_are_taken_or_none() {
        let (pool, address, received) = pool(1, 2);
        let run = |work| pool.run(work, id(), &address);
        let (hold, started, release) = held();
        let _first = run(hold).unwrap();
        started.recv().unwrap();
        let _second = run(ok()).unwrap();
        assert!(run(ok().after(2, |_, _| ())).is_err());
        let _third = run(ok()).unwrap();
        assert_eq!(run(ok()).err(), Some(QueueFull));
        release.send(()).unwrap();
        for _ in 0..3 {
            received.recv().unwrap();
        }
        run(ok()).unwrap();
    }

    #[test]
    fn a_request_has_few_places_and_others_are_served_between_its_tasks() {
        let (pool, address, received) = pool(1, 4);
        let (hold, started, release) = held();
        let _first = pool.run(hold, id(), &address).unwrap();
        started.recv().unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&done);
        let many = ok().after(1000, move |_, _| {
            counted.fetch_add(1, Relaxed);
        });
        let _many = pool.run(many, id(), &address).unwrap();
        assert_eq!(pool.waiting.load(Relaxed), PLACES_PER_THREAD);
        let seen = Arc::clone(&done);
        let other = Work::new(move |_| {
            assert!(seen.load(Relaxed) <= PLACES_PER_THREAD);
            ok().finish()
        });
        let other_id = ConnectionId::from_token(8);
        let _other = pool.run(other, other_id, &address).unwrap();
        release.send(()).unwrap();
        let ends: Vec<_> = (0..3).map(|_| received.recv().unwrap()).collect();
        assert!(matches!(&ends[1], Message::Answer(to, Some(_)) if *to == other_id));
        assert!(matches!(&ends[2], Message::Answer(to, Some(_)) if *to == id()));
        assert_eq!(done.load(Relaxed), 1000);
        // Behind the last empty place.
        let _last = pool.run(ok(), id(), &address).unwrap();
        received.recv().unwrap();
        assert_eq!(pool.waiting.load(Relaxed), 0);
    }

    #[test]
    fn the_job_runs_once_after_all_tasks() {
        let (pool, address, received) = pool(4, 100);
        let done = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&done);
        let job = Work::new(move |_| {
            assert_eq!(seen.load(Relaxed), 49 * 50 / 2);
            ok().finish()
        });
        let work = job.after(50, move |number, _| {
            done.fetch_add(number, Relaxed);
        });
        let _claim = pool.run(work, id(), &address).unwrap();
        assert!(matches!(
            received.recv().unwrap(),
            Message::Answer(_, Some(_))
        ));
        assert!(received.try_recv().is_err());
    }

    #[test]
    fn of_no_tasks_none_is_done() {
        let (pool, address, received) = pool(1, 1);
        let work = ok().after(0, |_, _| panic!("there is no task"));
        let _claim = pool.run(work, id(), &address).unwrap();
        assert!(matches!(
            received.recv().unwrap(),
            Message::Answer(_, Some(_))
        ));
    }

    #[test]
    fn a_task_that_panics_fails_the_whole() {
        let (pool, address, received) = pool(2, 100);
        let work = ok().after(2, |number, _| assert!(number > 0, "on purpose"));
        let _claim = pool.run(work, id(), &address).unwrap();
        assert!(matches!(received.recv().unwrap(), Message::Answer(_, None)));
    }

    #[test]
    fn work_that_nobody_waits_for_is_not_begun_and_holds_nothing() {
        let (pool, address, received) = pool(1, 8);
        let (hold, started, release) = held();
        let _first = pool.run(hold, id(), &address).unwrap();
        started.recv().unwrap();
        let (memory, freed) = mpsc::channel::<()>();
        let work = Work::new(move |_| {
            memory.send(()).unwrap();
            ok().finish()
        });
        drop(pool.run(work, id(), &address).unwrap());
        // Nothing is sent, and nothing holds the sender any more: while the thread is still busy.
        assert_eq!(freed.try_recv(), Err(mpsc::TryRecvError::Disconnected));
        assert!(matches!(received.try_recv(), Ok(Message::Abandoned)));
        release.send(()).unwrap();
        assert!(matches!(
            received.recv().unwrap(),
            Message::Answer(_, Some(_))
        ));
        let _last = pool.run(ok(), id(), &address).unwrap();
        received.recv().unwrap();
        assert_eq!(pool.waiting.load(Relaxed), 0);
    }

    #[test]
    fn work_that_nobody_waits_for_any_more_ends_with_the_task_under_way() {
        let (pool, address, received) = pool(1, 8);
        let (running, started) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let work = ok().after(100, move |number, asker| {
            running.send((number, asker.has_gone())).unwrap();
            let _ = gate.lock().unwrap().recv();
            running.send((number, asker.has_gone())).unwrap();
        });
        let claim = pool.run(work, id(), &address).unwrap();
        assert_eq!(started.recv(), Ok((0, false)));
        drop(claim);
        release.send(()).unwrap();
        assert_eq!(started.recv(), Ok((0, true)));
        assert!(started.recv().is_err(), "another task was begun");
        assert!(matches!(received.recv(), Ok(Message::Abandoned)));
        assert!(received.try_recv().is_err());
    }
}
