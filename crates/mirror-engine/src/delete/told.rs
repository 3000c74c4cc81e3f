//! What the second step tells of images that it did not delete: one line for those that are kept, one for those that are gone.

use super::{ItemOutcome, ItemReport};
use mirror_job::event::Event;
use mirror_job::listed;

/// How many images a line names; the result document names all of them.
const NAMED: usize = 10;

/// How many images that use a kept one are named.
const USERS: usize = 3;

/// The images that are kept, because others need them.
pub(super) fn kept(items: &[ItemReport]) -> Option<Event> {
    let kept: Vec<&ItemReport> = of(items, ItemOutcome::Kept).collect();
    let named = kept.iter().map(|item| {
        format!(
            "{} is also used by {}, which the list does not name",
            item.reference,
            listed(&item.used_by, USERS, ", ", more)
        )
    });
    let named: Vec<String> = named.collect();
    let images = if kept.len() == 1 { "1 image".to_owned() } else { format!("{} images", kept.len()) };
    (!kept.is_empty()).then(|| Event::Warning(format!("kept {images}: {}", listed(&named, NAMED, "; ", more))))
}

/// The images that are not there any more. A warning when that is true of all: perhaps another list was meant.
pub(super) fn already_gone(items: &[ItemReport]) -> Option<Event> {
    let gone: Vec<String> = of(items, ItemOutcome::Absent)
        // Not every image has a signature, so that there is none is no news.
        .filter(|item| !item.is_attached())
        .map(|item| item.reference.clone())
        .collect();
    if gone.is_empty() {
        return None;
    }
    if items.iter().all(|item| item.outcome == ItemOutcome::Absent) {
        return Some(Event::Warning(format!(
            "nothing to delete: no image of the list is at the destination any more. If you expected some, check the list \
             and the destination: {}",
            listed(&gone, NAMED, ", ", more)
        )));
    }
    Some(Event::Info(format!("already gone: {}", listed(&gone, NAMED, ", ", more))))
}

fn of(items: &[ItemReport], outcome: ItemOutcome) -> impl Iterator<Item = &ItemReport> {
    items.iter().filter(move |item| item.outcome == outcome)
}

fn more(count: usize) -> String {
    format!("{count} more")
}

#[cfg(test)]
mod tests {
    use mirror_plan::delete::DeleteItem;

    use super::*;

    fn item(name: &str, outcome: ItemOutcome, used_by: &[&str]) -> ItemReport {
        let listed = DeleteItem { image_reference: format!("docker://reg/m/{name}"), ..DeleteItem::default() };
        let used_by = used_by.iter().map(|name| (*name).to_owned()).collect();
        ItemReport { outcome, used_by, ..ItemReport::listed(&listed) }
    }

    fn text(event: Option<Event>) -> String {
        match event {
            Some(Event::Warning(text)) => format!("WARN {text}"),
            Some(Event::Info(text)) => format!("INFO {text}"),
            Some(_) => "another event".to_owned(),
            None => "-".to_owned(),
        }
    }

    #[test]
    fn one_line_each() {
        use ItemOutcome::{Absent, Deleted, Failed, Kept};
        let signature = format!("app:sha256-{}.sig", "a".repeat(64));
        let many: Vec<_> = (1..=12).map(|at| item(&format!("i{at}:v1"), Absent, &[])).collect();
        let rows: [&[ItemReport]; 6] = [
            &[item("a:v1", Deleted, &[]), item("b:v1", Failed, &[])],
            &[item("a:v1", Kept, &["reg/m/x:v1"]), item("b:v1", Absent, &[])],
            &[item("a:v1", Kept, &["w", "x", "y", "z"]), item("b:v1", Kept, &["v"]), item(&signature, Absent, &[])],
            &[item("a:v1", Absent, &[]), item(&signature, Absent, &[])],
            &[item(&signature, Absent, &[])],
            &many,
        ];
        let told: Vec<String> =
            rows.iter().map(|items| format!("{}\n{}", text(kept(items)), text(already_gone(items)))).collect();
        insta::assert_snapshot!(told.join("\n\n"), @"
        -
        -

        WARN kept 1 image: docker://reg/m/a:v1 is also used by reg/m/x:v1, which the list does not name
        INFO already gone: docker://reg/m/b:v1

        WARN kept 2 images: docker://reg/m/a:v1 is also used by w, x, y, 1 more, which the list does not name; docker://reg/m/b:v1 is also used by v, which the list does not name
        -

        -
        WARN nothing to delete: no image of the list is at the destination any more. If you expected some, check the list and the destination: docker://reg/m/a:v1

        -
        -

        -
        WARN nothing to delete: no image of the list is at the destination any more. If you expected some, check the list and the destination: docker://reg/m/i1:v1, docker://reg/m/i2:v1, docker://reg/m/i3:v1, docker://reg/m/i4:v1, docker://reg/m/i5:v1, docker://reg/m/i6:v1, docker://reg/m/i7:v1, docker://reg/m/i8:v1, docker://reg/m/i9:v1, docker://reg/m/i10:v1, 2 more
        ");
    }
}
