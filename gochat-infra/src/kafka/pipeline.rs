//! im-logic's handler: sends go through the pipeline.

use std::ops::Range;

use async_trait::async_trait;
use gochat_core::error::Code;
use gochat_core::model::SendCommand;
use gochat_core::ports::{ErrorKind, Retry, StoreError};
use gochat_core::send::Pipeline;
use slog::{Logger, warn};

use super::consumer::{Handler, HandlerError, Record};

/// Takes batches of sends to their end. When a batch fails for good, halves of it are tried until the record to blame is
/// found: what is processed twice thereby is recognised, and order stays.
#[derive(Debug)]
pub struct PipelineHandler {
    pipeline: Pipeline,
    log: Logger,
}

impl PipelineHandler {
    /// Over a pipeline.
    #[must_use]
    pub fn new(pipeline: Pipeline, log: &Logger) -> Self {
        Self { pipeline, log: log.clone() }
    }
}

/// Whether a failure is a record's own fault. What would fail for any record is not.
fn is_own_fault(error: &StoreError) -> bool {
    let ours = [
        ErrorKind::Unsupported,
        ErrorKind::Closed,
        ErrorKind::Unavailable,
        ErrorKind::Timeout,
        ErrorKind::Overloaded,
        ErrorKind::Full,
    ];
    error.retry() == Retry::Never && !ours.contains(&error.kind())
}

/// What is to be tried: all at once, then halves of what failed for good, in order.
pub(super) struct Search(Vec<Range<usize>>);

impl Search {
    pub(super) fn among(records: usize) -> Self {
        Self(std::iter::once(0..records).collect())
    }

    /// What is to be tried next.
    pub(super) fn next(&mut self) -> Option<Range<usize>> {
        self.0.pop()
    }

    /// One record failed alone.
    pub(super) fn blame(index: usize, error: StoreError) -> Result<(), HandlerError> {
        Self(Vec::new()).failed(index..index + 1, error)
    }

    pub(super) fn failed(&mut self, range: Range<usize>, error: StoreError) -> Result<(), HandlerError> {
        if !is_own_fault(&error) {
            return Err(error.into());
        }
        if range.len() <= 1 {
            return Err(HandlerError::Poison { index: range.start, reason: error.to_string() });
        }
        let middle = range.start + range.len() / 2;
        self.0.push(middle..range.end);
        self.0.push(range.start..middle);
        Ok(())
    }
}

#[async_trait]
impl Handler<SendCommand> for PipelineHandler {
    async fn handle(&self, _: i32, batch: &[Record<SendCommand>]) -> Result<(), HandlerError> {
        let commands: Vec<_> = batch.iter().map(|record| record.value.clone()).collect();
        let mut search = Search::among(commands.len());
        while let Some(range) = search.next() {
            if let Err(e) = self.pipeline.process(&commands[range.clone()]).await {
                search.failed(range, e)?;
            }
        }
        Ok(())
    }

    async fn given_up(&self, record: &Record<SendCommand>) {
        let told = self.pipeline.refuse(std::slice::from_ref(&record.value), Code::Internal).await;
        if let Err(e) = told {
            warn!(self.log, "a sender was not told that its message was put aside"; "error" => %e);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(poison: &[usize], n: usize) -> (Result<(), HandlerError>, Vec<usize>) {
        let mut search = Search::among(n);
        let mut done = Vec::new();
        while let Some(range) = search.next() {
            if !poison.iter().any(|at| range.contains(at)) {
                done.extend(range);
            } else if let Err(e) =
                search.failed(range, StoreError::new(ErrorKind::TooLarge, Retry::Never, "test"))
            {
                return (Err(e), done);
            }
        }
        (Ok(()), done)
    }

    #[test]
    fn the_first_poison_is_found_and_all_before_it_is_done_in_order() {
        for n in 1..40 {
            for at in 0..n {
                let (end, done) = find(&[at, n - 1], n);
                assert!(matches!(end, Err(HandlerError::Poison { index, .. }) if index == at), "{end:?}");
                assert!(done.iter().copied().eq(0..at), "{done:?}");
            }
            assert!(find(&[], n).0.is_ok());
        }
    }

    #[test]
    fn what_would_fail_for_all_blames_nobody() {
        for (kind, retry) in [
            (ErrorKind::Unavailable, Retry::Safe),
            (ErrorKind::Closed, Retry::Never),
            (ErrorKind::Internal, Retry::Safe),
        ] {
            let end = Search::among(3).failed(0..3, StoreError::new(kind, retry, "test"));
            assert!(matches!(end, Err(HandlerError::Again(_))), "{end:?}");
        }
    }
}
