//! Files of an archive that were left behind: what is known of them, and which ones to copy.

use std::fmt;

use super::archive_file_name;

/// An archive that does not have all of its files. Its text says which files to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingFiles {
    /// Numbers below the highest that no file has (the first hundred).
    numbers: Vec<u32>,
    /// The last file, when it is not the end of the archive: its name and its number.
    cut_after: Option<(String, u32)>,
}

impl MissingFiles {
    /// What is missing; none when nothing is.
    pub(super) fn of(numbers: &[u32], cut_after: Option<(String, u32)>) -> Option<Self> {
        let missing = Self { numbers: numbers.to_vec(), cut_after };
        (!missing.numbers.is_empty() || missing.cut_after.is_some()).then_some(missing)
    }
}

impl fmt::Display for MissingFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.numbers.is_empty() {
            let names: Vec<String> = self.numbers.iter().map(|number| archive_file_name(*number)).collect();
            let (files, are, them) = if names.len() == 1 { ("A file", "is", "it") } else { ("Files", "are", "them") };
            let names = names.join(", ");
            write!(f, "{files} of the archive {are} missing: copy {them} from where the archive was made: {names}")?;
        }
        let Some((name, number)) = &self.cut_after else { return Ok(()) };
        if !self.numbers.is_empty() {
            f.write_str(". ")?;
        }
        write!(
            f,
            "The archive's last file is missing: `{name}` is not the end of the archive. Copy {} and the files after it from \
             where the archive was made. If there are none, `{name}` was cut: copy it again",
            archive_file_name(number.saturating_add(1))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_copy() {
        let said = |numbers: &[u32], is_cut: bool| {
            let last = is_cut.then(|| ("mirror_000004.tar".to_owned(), 4));
            MissingFiles::of(numbers, last).unwrap().to_string()
        };
        let text = [said(&[1], false), said(&[1, 3], false), said(&[], true), said(&[2], true)];
        insta::assert_snapshot!(text.join("\n"), @"
        A file of the archive is missing: copy it from where the archive was made: mirror_000001.tar
        Files of the archive are missing: copy them from where the archive was made: mirror_000001.tar, mirror_000003.tar
        The archive's last file is missing: `mirror_000004.tar` is not the end of the archive. Copy mirror_000005.tar and the files after it from where the archive was made. If there are none, `mirror_000004.tar` was cut: copy it again
        A file of the archive is missing: copy it from where the archive was made: mirror_000002.tar. The archive's last file is missing: `mirror_000004.tar` is not the end of the archive. Copy mirror_000005.tar and the files after it from where the archive was made. If there are none, `mirror_000004.tar` was cut: copy it again
        ");
        assert_eq!(MissingFiles::of(&[], None), None);
    }
}
