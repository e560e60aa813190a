//! The cores of a process, reached from a thread that is none of them: a port of the mesh
//! ([`crate::hop`]) for a tokio task. Nothing on the cores' side knows the difference.

use crate::hop::Port;
use std::future::poll_fn;
use std::task::Poll;
use types::node::CoreId;

/// One more end of the mesh.
pub struct Outside<H>(Port<H>);

impl<H> Outside<H> {
    /// `port` is of no core's thread.
    pub fn new(port: Port<H>) -> Self {
        Self(port)
    }

    /// Sends `msg` to a core. It waits here while the core's ring is full, until the next call of
    /// [`Outside::send`] or [`Outside::next`].
    pub fn send(&mut self, to: CoreId, msg: H) {
        self.0.push(to, msg);
        self.0.flush();
    }

    /// The next message that a core sends here. Dropping the future loses none.
    pub async fn next(&mut self) -> (CoreId, H) {
        let port = &mut self.0;
        poll_fn(|cx| {
            port.flush();
            // Registered first: what comes after the look at the rings wakes the task.
            port.waker().register(cx.waker());
            if let Some(message) = port.pop() {
                return Poll::Ready(message);
            }
            port.waker().clear();
            if port.sleep() {
                return Poll::Pending;
            }
            // Something came between the two looks.
            match port.pop() {
                Some(message) => Poll::Ready(message),
                None => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_answers_a_task() {
        let (mut ports, _stopper) = crate::hop::mesh::<u32>(2).unwrap();
        let mut outside = Outside::new(ports.pop().unwrap());
        let mut core = ports.pop().unwrap();
        let rounds = 500;
        let thread = std::thread::spawn(move || {
            let mut answered = 0;
            while answered < rounds {
                match core.pop() {
                    Some((from, n)) => {
                        answered += 1;
                        core.push(from, n + 1);
                        core.flush();
                    }
                    None => std::thread::yield_now(),
                }
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for n in 0..rounds {
                outside.send(CoreId(0), n);
                let next = tokio::time::timeout(std::time::Duration::from_secs(5), outside.next());
                assert_eq!(next.await.expect("a wake-up"), (CoreId(0), n + 1));
            }
        });
        thread.join().unwrap();
    }
}
