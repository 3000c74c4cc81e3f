//! Exit codes: bits that say which kind of content failed (`docs/behaviour/config-cli.md` 3).

use std::ops::{BitOr, BitOrAssign};

/// The exit status of a run. Statuses of several failures are combined with `|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExitStatus(u8);

impl ExitStatus {
    /// Everything went well.
    pub const SUCCESS: Self = Self(0);
    /// A failure that belongs to no kind of content: flags, configuration, archive, access, delete, list.
    pub const GENERIC: Self = Self(1);
    /// A release failed.
    pub const RELEASE: Self = Self(2);
    /// An operator image or catalog failed.
    pub const OPERATOR: Self = Self(4);
    /// An additional image failed.
    pub const ADDITIONAL: Self = Self(8);
    /// A Helm image failed.
    pub const HELM: Self = Self(16);
    /// Ctrl-C ended the run. Shells use this number for that, 128 and the number of the signal.
    pub const INTERRUPTED: Self = Self(130);
    /// `kill` ended the run.
    pub const TERMINATED: Self = Self(143);
    /// `--v1` was asked for.
    pub const WRONG_GENERATION: Self = Self(255);

    /// The status with these bits, as the engine reports them.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The number the process ends with.
    pub fn code(self) -> u8 {
        self.0
    }

    /// Whether nothing failed.
    pub fn is_success(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for ExitStatus {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for ExitStatus {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_combine() {
        let status = ExitStatus::RELEASE | ExitStatus::OPERATOR | ExitStatus::ADDITIONAL;
        assert_eq!(status.code(), 14);
        assert!(!status.is_success());
        assert!(ExitStatus::default().is_success());
    }
}
