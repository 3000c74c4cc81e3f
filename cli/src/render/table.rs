//! Tables aligned with blanks, as `oc` prints them.

use std::borrow::Cow;

use mirror_engine::visible;

/// Rows of cells as lines: each column is as wide as its longest cell and two blanks, the last one is not padded.
///
/// ```
/// use oc_mirror::render::table;
///
/// let rows = [["NAME", "SIZE"], ["a", "12"], ["longer", "3"], ["a\nb", "4"]];
/// assert_eq!(table(rows), "NAME    SIZE\na       12\nlonger  3\na\\nb    4\n");
/// ```
pub fn table<R, C>(rows: impl IntoIterator<Item = R>) -> String
where
    R: IntoIterator<Item = C>,
    C: Into<String>,
{
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0) + 2).collect();
    let mut text = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                text.extend(std::iter::repeat_n(' ', widths[column] - cell.chars().count()));
            }
        }
        text.push('\n');
    }
    text
}

/// A name with a line break must not begin a row of its own.
fn cell(text: impl Into<String>) -> String {
    let text = text.into();
    match visible::word(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shown) => shown,
    }
}
