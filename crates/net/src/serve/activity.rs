//! Telling idle and stalled connections from busy ones without a clock per
//! request: requests and bodies only count, a timer compares the counts.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// What one connection has done so far.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// Requests begun and answers not yet fully handed over.
    under_way: AtomicUsize,
    /// Grows with each request, each piece of a body and each end.
    steps: AtomicU64,
    /// Bytes that the socket took from us.
    written: AtomicU64,
}

impl Activity {
    /// The socket took so many bytes.
    pub(super) fn wrote(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Relaxed);
    }

    /// Whether a request is being read or answered.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.load(Relaxed) > 0
    }
}

/// One request under way; ends when dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

impl UnderWay {
    pub(super) fn begin(activity: &Arc<Activity>) -> Self {
        activity.under_way.fetch_add(1, Relaxed);
        activity.steps.fetch_add(1, Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
        self.0.steps.fetch_add(1, Relaxed);
    }
}

/// A body that counts its request as under way until it is dropped.
pub(super) struct CountedBody<B> {
    body: B,
    request: UnderWay,
}

impl<B> CountedBody<B> {
    pub(super) fn new(body: B, request: UnderWay) -> Self {
        Self { body, request }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for CountedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.request.0.steps.fetch_add(1, Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a request, as it comes in.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    activity: Arc<Activity>,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, activity: Arc<Activity>) -> Self {
        Self { incoming, activity }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if polled.is_ready() {
            self.activity.steps.fetch_add(1, Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// What to do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Busy,
    /// Nothing to do for too long: close politely.
    Idle,
    /// Something to do and no progress for too long: cut.
    Stalled,
    /// It was to close long ago, does not, and takes nothing: cut.
    Stuck,
}

/// Judges a connection from samples taken at a steady pace.
pub(super) struct Watch {
    idle: Duration,
    stall: Duration,
    seen: u64,
    /// Since something happened.
    quiet: Duration,
    written: u64,
    /// Since bytes went out.
    still: Duration,
}

/// Samples per time-out: a connection is closed at most a fifth too late.
const SAMPLES: u32 = 5;

/// Fewer bytes than this between two looks are what keeps a connection alive,
/// and no answer on its way to a slow client.
const LEAST_WRITTEN: u64 = 1024;

impl Watch {
    pub(super) fn new(idle: Duration, stall: Duration) -> Self {
        let (quiet, still) = (Duration::ZERO, Duration::ZERO);
        Self { idle, stall, seen: 0, quiet, written: 0, still }
    }

    /// How long to wait between two samples.
    pub(super) fn pace(&self) -> Duration {
        (self.idle.min(self.stall) / SAMPLES).max(Duration::from_millis(1))
    }

    /// One sample, taken [`Watch::pace`] after the one before.
    pub(super) fn observe(&mut self, activity: &Activity) -> Verdict {
        let written = activity.written.load(Relaxed);
        self.judge(activity.steps.load(Relaxed), written, activity.under_way.load(Relaxed))
    }

    fn judge(&mut self, steps: u64, written: u64, under_way: usize) -> Verdict {
        let takes_something = written.saturating_sub(self.written) >= LEAST_WRITTEN;
        self.still = if takes_something { Duration::ZERO } else { self.still + self.pace() };
        self.written = written;
        if steps != self.seen {
            self.seen = steps;
            self.quiet = Duration::ZERO;
            return Verdict::Busy;
        }
        self.quiet += self.pace();
        match under_way {
            // An answer that is out of our hands may still wait for its reader.
            0 if self.quiet >= 2 * self.idle && self.still >= self.idle => Verdict::Stuck,
            0 if self.quiet >= self.idle => Verdict::Idle,
            0 => Verdict::Busy,
            _ if self.quiet >= self.stall => Verdict::Stalled,
            _ => Verdict::Busy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_is_closed_stalled_is_cut_and_progress_starts_the_clock_again() {
        let seconds = Duration::from_secs;
        // Each sample is a fifth of 10 s.
        let verdicts = |samples: &[(u64, usize)]| {
            let mut watch = Watch::new(seconds(10), seconds(20));
            samples.iter().map(|&(steps, busy)| watch.judge(steps, 0, busy)).collect::<Vec<_>>()
        };
        let last = |samples: &[(u64, usize)]| verdicts(samples).pop().unwrap();

        assert_eq!(last(&[(0, 0); 4]), Verdict::Busy);
        assert_eq!(last(&[(0, 0); 5]), Verdict::Idle);
        assert_eq!(last(&[(0, 1); 9]), Verdict::Busy);
        assert_eq!(last(&[(0, 1); 10]), Verdict::Stalled);

        let mut moving = vec![(0, 1); 9];
        moving.push((1, 1));
        moving.extend([(1, 1); 9]);
        assert!(verdicts(&moving).iter().all(|&verdict| verdict == Verdict::Busy));
    }
    #[test]
    fn what_does_not_close_is_cut_unless_its_client_still_reads() {
        let mut watch = Watch::new(Duration::from_secs(10), Duration::from_secs(20));
        // What is written between two looks, and what becomes of it.
        let mut written = 0;
        let mut look = |bytes| {
            written += bytes;
            watch.judge(1, written, 0)
        };
        assert_eq!(look(1_000_000), Verdict::Busy);
        let slow: Vec<_> = (0..20).map(|_| look(LEAST_WRITTEN)).collect();
        assert_eq!(slow.iter().filter(|&&verdict| verdict == Verdict::Busy).count(), 4);
        assert_eq!(slow.last(), Some(&Verdict::Idle), "asked to close when all is read");
        // Only what keeps a connection alive.
        let stuck: Vec<_> = (0..5).map(|_| look(40)).collect();
        assert_eq!(stuck[..4], [Verdict::Idle; 4]);
        assert_eq!(stuck[4], Verdict::Stuck);
    }
}
