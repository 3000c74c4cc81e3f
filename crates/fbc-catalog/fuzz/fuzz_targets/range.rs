//! An alternative only ever adds versions to a range, and a further comparison only ever removes some.
#![no_main]

use fbc_catalog::range::Range;
use fbc_catalog::version::parse_tolerant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str, &str)| {
    let (left, right, version) = texts;
    let (Ok(one), Ok(other), Ok(version)) = (Range::parse(left), Range::parse(right), parse_tolerant(version)) else {
        return;
    };
    let either = Range::parse(&format!("{left} || {right}")).expect("two ranges are a range");
    assert_eq!(either.contains(&version), one.contains(&version) || other.contains(&version));
    if !left.contains("||") && !right.contains("||") {
        let both = Range::parse(&format!("{left} {right}")).expect("two comparisons are a range");
        assert_eq!(both.contains(&version), one.contains(&version) && other.contains(&version));
    }
});
