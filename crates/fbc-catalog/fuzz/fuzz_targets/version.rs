//! Whatever is strictly a version is tolerated as the same version, and comparing is antisymmetric.
#![no_main]

use fbc_catalog::version::{cmp_precedence, parse_strict, parse_tolerant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str)| {
    let (left, right) = (parse_tolerant(texts.0), parse_tolerant(texts.1));
    if let Ok(strict) = parse_strict(texts.0) {
        assert_eq!(strict.to_string(), texts.0);
        assert_eq!(left.as_ref(), Ok(&strict));
    }
    if let (Ok(left), Ok(right)) = (left, right) {
        assert_eq!(cmp_precedence(&left, &right), cmp_precedence(&right, &left).reverse());
        assert_eq!(parse_strict(&left.to_string()), Ok(left));
    }
});
