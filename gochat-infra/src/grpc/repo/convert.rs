//! What the services of several ports have in common.

use std::result;

use gochat_core::model::PageLimit;
use gochat_core::ports::Result;

use super::Operation;
use crate::grpc::error::malformed_answer;
use crate::wire::{Malformed, Wire};

/// Most entries of one page; beyond what any caller asks for. Larger ones are cut, as [`PageLimit::new`] does.
const LIMIT_MAX: u32 = 100_000;

pub(super) fn limit(n: u32) -> result::Result<PageLimit, Malformed> {
    PageLimit::new(n, LIMIT_MAX).map_err(|_| Malformed::new("limit"))
}

pub(super) fn all<T, P, E>(
    values: impl IntoIterator<Item = P>,
    read: impl FnMut(P) -> result::Result<T, E>,
) -> result::Result<Vec<T>, E> {
    values.into_iter().map(read).collect()
}

pub(super) fn pbs<T: Wire>(values: &[T]) -> Vec<T::Pb> {
    values.iter().map(Wire::to_pb).collect()
}

impl Operation {
    /// An answer, read; what can't be is no answer of a server of ours.
    pub(super) fn read<T>(self, answer: result::Result<T, Malformed>) -> Result<T> {
        answer.map_err(|e| malformed_answer(e, self.name, self.effect))
    }

    /// Answers to several questions, by position.
    pub(super) fn by_position<T, P>(
        self,
        answers: Vec<P>,
        asked: usize,
        read: impl FnMut(P) -> result::Result<T, Malformed>,
    ) -> Result<Vec<T>> {
        if answers.len() != asked {
            return self.read(Err(Malformed::new("answers")));
        }
        self.read(all(answers, read))
    }
}
