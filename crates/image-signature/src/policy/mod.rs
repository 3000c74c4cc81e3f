//! Whether an image satisfies a policy: the requirements of the policy, the signatures of the image, one answer.

mod identity;
mod verdict;

pub use verdict::{Accepted, Candidate, Reason, Rejection, evaluate};
