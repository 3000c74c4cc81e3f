//! Whether lines are coloured: `--color`, `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, and what stands behind the stream.

use crate::env::Colours;

/// When lines are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum When {
    /// On terminals, unless `NO_COLOR` or `CLICOLOR=0` is set
    #[default]
    Auto,
    /// Always, in pipes too
    Always,
    /// Never
    Never,
}

/// Whether a stream is coloured. The flag goes before the variables, `NO_COLOR` before the others (no-color.org,
/// bixense.com/clicolors).
pub fn is_wanted(when: When, variables: Colours, is_terminal: bool) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if variables.no_color => false,
        When::Auto => variables.force || (is_terminal && !variables.off),
    }
}

/// Text without the codes of colours.
pub fn without_codes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        let code = &rest[at + 2..];
        rest = code.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &code[end + 1..]);
    }
    plain + rest
}

/// Text without codes and without pictures, for files: a picture goes with the blanks behind it. `✓` and `✗` stay, they are
/// words.
pub fn for_files(text: &str) -> String {
    let text = without_codes(text);
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if !is_picture(c) {
            plain.push(c);
            continue;
        }
        while chars.next_if(|next| is_picture(*next) || *next == '\u{fe0f}').is_some() {}
        let blanks = std::iter::from_fn(|| chars.next_if_eq(&' ')).count();
        // Between two words one blank stays.
        if plain.ends_with(|last: char| last != ' ') && blanks > 0 {
            plain.push(' ');
        }
    }
    plain
}

fn is_picture(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{fe0f}') && !matches!(c, '✓' | '✗')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decides() {
        let none = Colours::default();
        let no_color = Colours { no_color: true, force: true, ..none };
        let (off, force) = (Colours { off: true, ..none }, Colours { force: true, ..none });
        for (when, variables, on_terminal, in_pipe) in [
            (When::Auto, none, true, false),
            (When::Auto, no_color, false, false),
            (When::Auto, off, false, false),
            (When::Auto, force, true, true),
            (When::Always, no_color, true, true),
            (When::Never, force, false, false),
        ] {
            assert_eq!(is_wanted(when, variables, true), on_terminal, "{when:?} {variables:?}");
            assert_eq!(is_wanted(when, variables, false), in_pipe, "{when:?} {variables:?}");
        }
    }

    #[test]
    fn plain_texts() {
        for (text, plain, file) in [
            ("\u{1b}[1;94m [INFO] \u{1b}[0m  : 👋 Hello", " [INFO]   : 👋 Hello", " [INFO]   : Hello"),
            ("⚙️  environment version: v1", "⚙️  environment version: v1", "environment version: v1"),
            ("a ➡️ cache", "a ➡️ cache", "a cache"),
            ("\u{1b}[1;32m ✓ \u{1b}[0m 3 / 3 images", " ✓  3 / 3 images", " ✓  3 / 3 images"),
            ("Grüße, 日本", "Grüße, 日本", "Grüße, 日本"),
            ("cut \u{1b}[1", "cut ", "cut "),
        ] {
            assert_eq!(without_codes(text), plain);
            assert_eq!(for_files(text), file);
        }
    }
}
