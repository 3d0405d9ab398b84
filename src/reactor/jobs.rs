//! A small pool of threads for work that would hold a reactor up; results come back as messages.
//!
//! The pool is shared by all reactors and its queue is bounded: when it is full the answer is 503,
//! at once, not a queue that grows. A job that panics has no reply, which becomes a 500 for its
//! request, and its thread goes on.

use std::io;
use std::iter::{repeat_n, zip};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::{connections::ConnectionId, kernel::Wake};
use crate::http::{Job, Reply, Task};

/// What reaches a reactor from other threads.
#[derive(Debug)]
pub enum Message {
    /// A job is done; there is no reply if it panicked. Boxed, since a reply is far larger than the
    /// other messages.
    Answer(ConnectionId, Option<Box<Reply>>),
    /// Begin a turn: something is to be looked at on top of it.
    Look,
    /// Begin to drain.
    Drain,
    /// Leave now.
    Leave,
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

/// The pool; its threads end when the last clone of it is gone.
#[derive(Clone, Debug)]
pub struct JobPool {
    queue: Sender<Task>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
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
        let (queue, tasks) = unbounded::<Task>();
        let waiting = Arc::new(AtomicUsize::new(0));
        for number in 0..threads {
            let (tasks, waiting, done) = (tasks.clone(), Arc::clone(&waiting), done.clone());
            let thread = thread::Builder::new().name(format!("job-{number}"));
            thread.spawn(move || {
                for task in tasks {
                    waiting.fetch_sub(1, Relaxed);
                    task();
                    done(number);
                }
            })?;
        }
        Ok(Self {
            queue,
            waiting,
            waiting_max,
        })
    }

    /// Queues all tasks, or none; the one that finishes last runs the job, whose reply goes to `id`
    /// at `address`. A job without tasks takes one place in the queue.
    ///
    /// # Errors
    ///
    /// [`QueueFull`] if the queue has no place for all of them.
    pub fn run(
        &self,
        mut tasks: Vec<Task>,
        job: Job,
        id: ConnectionId,
        address: &Address,
    ) -> Result<(), QueueFull> {
        if tasks.is_empty() {
            // The job comes after a task that does nothing.
            tasks.push(Box::new(|| ()));
        }
        // A request's tasks are never queued in part. Both numbers count what is in memory: their
        // sum does not overflow.
        let fits = |waiting| Some(waiting + tasks.len()).filter(|sum| *sum <= self.waiting_max);
        let reserved = self.waiting.fetch_update(Relaxed, Relaxed, fits);
        reserved.map_err(|_| QueueFull)?;
        // Each task holds the job, and nobody else does: so the last one can take it out.
        let jobs = repeat_n(Arc::new(Mutex::new(Some(job))), tasks.len());
        for (task, job) in zip(tasks, jobs) {
            let address = address.clone();
            let finish = move || {
                if catch_unwind(AssertUnwindSafe(task)).is_err() {
                    // Without its job the request fails, whatever came of the other tasks.
                    job.lock().unwrap_or_else(PoisonError::into_inner).take();
                }
                if let Some(job) = Arc::into_inner(job) {
                    deliver(job.into_inner().ok().flatten(), id, &address);
                }
            };
            // The threads hold receivers as long as there is a pool: sending cannot fail.
            let _ = self.queue.send(Box::new(finish));
        }
        Ok(())
    }
}

/// Runs the job and sends its reply; `None`: a task before it has panicked.
fn deliver(job: Option<Job>, id: ConnectionId, address: &Address) {
    let reply = job.and_then(|job| catch_unwind(AssertUnwindSafe(job)).ok());
    address.send(Message::Answer(id, reply.map(Box::new)));
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

    fn ok() -> Reply {
        Response::empty(Status::NO_CONTENT).into()
    }

    #[test]
    fn a_job_answers_or_has_panicked() {
        let (pool, address, received) = pool(1, 8);
        pool.run(
            Vec::new(),
            Box::new(|| panic!("on purpose")),
            id(),
            &address,
        )
        .unwrap();
        assert!(matches!(received.recv().unwrap(), Message::Answer(to, None) if to == id()));
        pool.run(Vec::new(), Box::new(ok), id(), &address).unwrap();
        assert!(matches!(received.recv().unwrap(), Message::Answer(to, Some(_)) if to == id()));
    }

    #[test]
    fn the_queue_is_bounded_and_a_group_is_queued_whole_or_not_at_all() {
        let (pool, address, received) = pool(1, 2);
        let (release, gate) = mpsc::channel::<()>();
        let (running, started) = mpsc::channel();
        let hold: Job = Box::new(move || {
            running.send(()).unwrap();
            gate.recv().unwrap();
            ok()
        });
        pool.run(Vec::new(), hold, id(), &address).unwrap();
        started.recv().unwrap();
        pool.run(Vec::new(), Box::new(ok), id(), &address).unwrap();
        let two: Vec<Task> = vec![Box::new(|| ()), Box::new(|| ())];
        assert_eq!(pool.run(two, Box::new(ok), id(), &address), Err(QueueFull));
        pool.run(Vec::new(), Box::new(ok), id(), &address).unwrap();
        assert_eq!(
            pool.run(Vec::new(), Box::new(ok), id(), &address),
            Err(QueueFull)
        );
        release.send(()).unwrap();
        for _ in 0..3 {
            received.recv().unwrap();
        }
        pool.run(Vec::new(), Box::new(ok), id(), &address).unwrap();
    }

    #[test]
    fn the_job_runs_once_after_all_tasks() {
        let (pool, address, received) = pool(4, 100);
        let done = Arc::new(AtomicUsize::new(0));
        let tasks = (0..50)
            .map(|_| {
                let done = Arc::clone(&done);
                Box::new(move || {
                    done.fetch_add(1, Relaxed);
                }) as Task
            })
            .collect();
        let seen = Arc::clone(&done);
        let job: Job = Box::new(move || {
            assert_eq!(seen.load(Relaxed), 50);
            ok()
        });
        pool.run(tasks, job, id(), &address).unwrap();
        assert!(matches!(
            received.recv().unwrap(),
            Message::Answer(_, Some(_))
        ));
        assert!(received.try_recv().is_err());
    }

    #[test]
    fn a_task_that_panics_fails_the_whole() {
        let (pool, address, received) = pool(2, 100);
        let tasks: Vec<Task> = vec![Box::new(|| panic!("on purpose")), Box::new(|| ())];
        pool.run(tasks, Box::new(ok), id(), &address).unwrap();
        assert!(matches!(received.recv().unwrap(), Message::Answer(_, None)));
    }
}
