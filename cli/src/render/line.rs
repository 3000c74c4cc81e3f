//! The line of progress: the percentage first, then the time left, then what fits.

use std::fmt::Write as _;

use mirror_engine::event::Totals;
use mirror_engine::{size, visible};

use super::meter::Meter;
use super::words::time_left;

/// The widest line, in columns.
const WIDE: usize = 100;

/// What a whole image counts in [`Totals::images_in_place`].
const WHOLE: u64 = 1000;

/// The whole line: ` 42 %  21 s left  1.2 GiB of 3.0 GiB  12 / 200 images  85.3 MiB/s`.
pub(super) fn whole(meter: &Meter) -> String {
    parts(meter).join("  ")
}

/// As much of the line as fits into `room` columns. The rate goes first, then images, then sizes; percentage and time stay.
pub(super) fn fitting(meter: &Meter, room: usize) -> String {
    let parts = parts(meter);
    let lengths = (1..=parts.len()).rev().map(|count| parts[..count].join("  "));
    lengths.into_iter().find(|line| line.chars().count() <= room.min(WIDE)).unwrap_or_else(|| cut(&parts[0], room))
}

/// The parts of the line, the dearest first.
fn parts(meter: &Meter) -> Vec<String> {
    let Totals { bytes, complete, .. } = meter.totals;
    let percentage = match (complete, meter.transfers_done()) {
        (_, true) => "100 %  all transferred".to_owned(),
        (true, false) => {
            // 99 % until everything is there.
            let percent = u128::from(meter.bytes) * 100 / u128::from(bytes.max(1));
            format!("{:>3} %", percent.min(99))
        }
        (false, false) => "counting".to_owned(),
    };
    let time = meter.time_left().filter(|_| !meter.transfers_done()).map(time_left);
    let about = if complete { "" } else { "at least " };
    let sizes = format!("{} of {about}{}", size(meter.bytes), size(bytes));
    let mut images = format!("{} / {} images", images_in_place(meter), meter.totals.images);
    if meter.images_failed > 0 {
        let _ = write!(images, ", {} failed", meter.images_failed);
    }
    let mut parts: Vec<String> = std::iter::once(percentage).chain(time).chain([sizes, images]).collect();
    if let Some(rate) = meter.rate().filter(|_| !meter.transfers_done()) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is a sum of sizes over time"
        )]
        parts.push(format!("{}/s", size(rate as u64)));
    }
    parts
}

/// Images whose content is in place, together with the shares of those that are on their way.
fn images_in_place(meter: &Meter) -> u64 {
    (meter.totals.images_in_place / WHOLE).max(meter.images_done as u64)
}

/// The largest transfers under way, one line each: `812.0 MiB of 1.1 GiB  quay.io/org/app`.
pub(super) fn transfers(meter: &Meter, room: usize) -> Vec<String> {
    let largest = meter.largest().into_iter();
    let lines = largest.map(|transfer| {
        let sizes = format!("       {:>10} of {:>10}  ", size(transfer.bytes), size(transfer.size));
        let left = room.min(WIDE).saturating_sub(sizes.chars().count());
        sizes + &end_of(&visible::word(&transfer.origin), left)
    });
    lines.filter(|line| line.chars().count() <= room).collect()
}

/// The first `room` characters.
fn cut(text: &str, room: usize) -> String {
    text.chars().take(room).collect()
}

/// The last `room` characters of a name: what tells images apart is at its end.
fn end_of(name: &str, room: usize) -> String {
    let length = name.chars().count();
    if length <= room {
        return name.to_owned();
    }
    let kept: String = name.chars().skip(length - room.saturating_sub(1)).collect();
    if room == 0 { String::new() } else { format!("…{kept}") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn meter(bytes: u64, complete: bool, seconds: u64) -> Meter {
        let totals = Totals { bytes: 3 << 30, images: 200, images_in_place: 12_900, complete, ..Totals::default() };
        let mut meter = Meter::of(totals);
        meter.sample(Duration::ZERO);
        meter.bytes = bytes;
        meter.sample(Duration::from_secs(seconds));
        meter
    }

    #[test]
    fn what_stays_when_the_terminal_is_narrow() {
        let mut text = String::new();
        let mut add = |meter: &Meter| {
            for room in [99, 59, 39, 19, 9, 0] {
                let line = fitting(meter, room);
                assert!(line.chars().count() <= room, "{room}: {line}");
                let _ = writeln!(text, "{room:>3}|{line}");
            }
        };
        let mut running = meter(1 << 30, true, 12);
        add(&running);
        // The longest of all parts.
        running.totals.bytes = 1023 << 40;
        running.images_failed = 100;
        running.totals.images_in_place = 199_000;
        add(&running);
        insta::assert_snapshot!(text, @r"
         99| 33 %  24 s left  1.0 GiB of 3.0 GiB  12 / 200 images  85.3 MiB/s
         59| 33 %  24 s left  1.0 GiB of 3.0 GiB  12 / 200 images
         39| 33 %  24 s left  1.0 GiB of 3.0 GiB
         19| 33 %  24 s left
          9| 33 %
          0|
         99|  0 %  3491 h 50 min left  1.0 GiB of 1023.0 TiB  199 / 200 images, 100 failed  85.3 MiB/s
         59|  0 %  3491 h 50 min left  1.0 GiB of 1023.0 TiB
         39|  0 %  3491 h 50 min left
         19|  0 %
          9|  0 %
          0|
        ");
    }

    #[test]
    fn before_and_after() {
        let check = |meter: &Meter, expected: &str| assert_eq!(whole(meter), expected);
        check(&meter(1 << 30, false, 12), "counting  1.0 GiB of at least 3.0 GiB  12 / 200 images  85.3 MiB/s");
        check(&meter(3 << 30, true, 12), "100 %  all transferred  3.0 GiB of 3.0 GiB  12 / 200 images");
        check(&meter((3 << 30) - 1, true, 12), " 99 %  0 s left  3.0 GiB of 3.0 GiB  12 / 200 images  256.0 MiB/s");
        check(&meter(0, true, 12), "  0 %  0 B of 3.0 GiB  12 / 200 images  0 B/s");
        let mut failed = meter(0, true, 12);
        (failed.images_failed, failed.images_done) = (1, 20);
        check(&failed, "  0 %  0 B of 3.0 GiB  20 / 200 images, 1 failed  0 B/s");
    }

    #[test]
    fn the_largest_transfers_by_name() {
        let mut meter = Meter::default();
        for (at, size) in [(1, 10 << 20), (2, 900 << 20), (3, 5 << 30), (4, 1 << 20), (5, 6 << 30)] {
            let digest = format!("sha256:{at:064}").parse().unwrap();
            let origin = format!("quay.io/organisation/application-with-a-long-name-{at}");
            meter.started(digest, size, origin);
            meter.advanced(&format!("sha256:{at:064}").parse().unwrap(), at << 20);
        }
        meter.ended(&format!("sha256:{:064}", 5).parse().unwrap());
        meter.ended(&format!("sha256:{:064}", 9).parse().unwrap());
        let text = [99, 49].map(|room| transfers(&meter, room).join("\n")).join("\n");
        insta::assert_snapshot!(format!("-\n{text}"), @r"
        -
                  3.0 MiB of    5.0 GiB  quay.io/organisation/application-with-a-long-name-3
                  2.0 MiB of  900.0 MiB  quay.io/organisation/application-with-a-long-name-2
                  1.0 MiB of   10.0 MiB  quay.io/organisation/application-with-a-long-name-1
                  3.0 MiB of    5.0 GiB  …h-a-long-name-3
                  2.0 MiB of  900.0 MiB  …h-a-long-name-2
                  1.0 MiB of   10.0 MiB  …h-a-long-name-1
        ");
        assert_eq!(transfers(&meter, 20), Vec::<String>::new());
    }
}
