//! Go's `fmt`: `print`, `println`, `printf` and their verbs, as `fmt/print.go` and `fmt/format.go` write them.

mod directive;
mod numbers;
mod texts;
mod values;

use self::directive::Directive;
use crate::error::Error;
use crate::utf8;
use crate::value::Value;
use crate::value::types::Kind;

/// How deep values may nest to be printed. Go's own printer overflows its stack on a map that holds itself.
const DEEPEST: usize = 2_000;

/// An address: Go prints where a value lies in memory. Here it is the same on each run.
const ADDRESS: u64 = 0xc0_0000_0000;

/// `fmt.Sprint(args...)`. No more than about `most` bytes are made.
pub(crate) fn print(args: &[Value], most: u64) -> Result<Vec<u8>, Error> {
    let mut printer = Printer::new(most);
    let mut previous_is_string = false;
    for (at, arg) in args.iter().enumerate() {
        let is_string = arg.kind() == Kind::String;
        if at > 0 && !is_string && !previous_is_string {
            printer.write(" ");
        }
        printer.arg(arg, 'v');
        previous_is_string = is_string;
    }
    printer.finish()
}

/// `fmt.Sprintln(args...)`.
pub(crate) fn println(args: &[Value], most: u64) -> Result<Vec<u8>, Error> {
    let mut printer = Printer::new(most);
    for (at, arg) in args.iter().enumerate() {
        if at > 0 {
            printer.write(" ");
        }
        printer.arg(arg, 'v');
    }
    printer.write("\n");
    printer.finish()
}

/// One value by one verb, as `printf` prints a `reflect.Value`.
pub(crate) fn verb(value: &Value, verb: char, most: u64) -> Result<Vec<u8>, Error> {
    let mut printer = Printer::new(most);
    if !printer.methods(value, verb) {
        printer.value(value, false, verb, 0);
    }
    printer.finish()
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    width: Option<usize>,
    precision: Option<usize>,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    plus_v: bool,
    sharp_v: bool,
}

struct Printer {
    out: Vec<u8>,
    flags: Flags,
    /// While a wrong verb is told of, methods are not called.
    erroring: bool,
    most: usize,
    /// More was to be written than may be, or deeper.
    stopped: Option<Error>,
}

/// `fmt.Sprintf(format, args...)`.
pub(crate) fn printf(format: &[u8], args: &[Value], most: u64) -> Result<Vec<u8>, Error> {
    let mut printer = Printer::new(most);
    let mut reordered = false;
    let mut number = 0;
    let mut at = 0;
    while let Some(rest) = format.get(at..).filter(|rest| !rest.is_empty()) {
        let plain = rest.split(|&byte| byte == b'%').next().unwrap_or_default();
        printer.write(plain);
        at += plain.len() + 1;
        if at > format.len() {
            break;
        }
        let mut item = Directive { format, args, at, number, good_number: true, reordered };
        item.print(&mut printer);
        (at, number, reordered) = (item.at, item.number, item.reordered);
    }
    if !reordered && number < args.len() {
        printer.flags = Flags::default();
        printer.write("%!(EXTRA ");
        for (at, arg) in args.iter().skip(number).enumerate() {
            if at > 0 {
                printer.write(", ");
            }
            if arg.is_nil() {
                printer.write("<nil>");
            } else {
                printer.write(arg.type_name());
                printer.write("=");
                printer.arg(arg, 'v');
            }
        }
        printer.write(")");
    }
    printer.finish()
}

impl Printer {
    fn new(most: u64) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self { out: Vec::new(), flags: Flags::default(), erroring: false, most, stopped: None }
    }

    fn finish(self) -> Result<Vec<u8>, Error> {
        self.stopped.map_or(Ok(self.out), Err)
    }

    fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if self.out.len().saturating_add(bytes.len()) > self.most {
            self.stop("the templates make too much text");
        }
        if self.stopped.is_none() {
            self.out.extend_from_slice(bytes);
        }
    }

    fn stop(&mut self, words: &str) {
        self.stopped.get_or_insert_with(|| Error::limit(words));
    }

    fn padding(&mut self, count: usize) {
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        // A width is a million at most.
        self.write(vec![byte; count]);
    }

    fn pad(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let missing = self.flags.width.unwrap_or(0).saturating_sub(utf8::count(bytes));
        if missing > 0 && !self.flags.minus {
            self.padding(missing);
        }
        self.write(bytes);
        if missing > 0 && self.flags.minus {
            self.padding(missing);
        }
    }

    fn pad_without_zeros(&mut self, bytes: impl AsRef<[u8]>) {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(bytes);
        self.flags.zero = zero;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{List, Map};

    fn check(format: &str, args: &[Value], expected: &str) {
        let text = printf(format.as_bytes(), args, 1 << 20).unwrap();
        assert_eq!(String::from_utf8_lossy(&text), expected, "{format} {args:?}");
    }

    #[test]
    fn verbs_of_strings_and_numbers() {
        check(
            "%s|%q|%v|%x|% X",
            &["a\"b".into(), "a\"b".into(), "x".into(), "hi".into(), "hi".into()],
            "a\"b|\"a\\\"b\"|x|6869|68 69",
        );
        check(
            "%5s|%-5s|%.2s|%05d|%+d|%x|%#x|%o|%b",
            &["ab".into(), "ab".into(), "äöü".into(), 42.into(), 42.into(), 255.into(), 255.into(), 8.into(), 5.into()],
            "   ab|ab   |äö|00042|+42|ff|0xff|10|101",
        );
        check("%v|%d|%s", &[1.5.into(), 1.5.into(), 1.into()], "1.5|%!d(float64=1.5)|%!s(int=1)");
        check(
            "%.2f|%6.1f|%e|%g|%v",
            &[1.005.into(), 2.25.into(), 1e6.into(), 1e6.into(), 1e6.into()],
            "1.00|   2.2|1.000000e+06|1e+06|1e+06",
        );
        check(
            "%t|%v|%c|%q|%U",
            &[true.into(), false.into(), 65.into(), 65.into(), 0x1f600.into()],
            "true|false|A|'A'|U+1F600",
        );
        check("%T|%T|%T", &[1.into(), 1.0.into(), Value::Nil], "int|float64|<nil>");
    }

    #[test]
    fn mistakes_are_told_in_the_text() {
        check("%d", &[], "%!d(MISSING)");
        check("%z %!", &[1.into()], "%!z(int=1) %!!(NOVERB)".replace("%!!(NOVERB)", "%!!(MISSING)").as_str());
        check("a", &[1.into(), "x".into(), Value::Nil], "a%!(EXTRA int=1, string=x, <nil>)");
        check("%", &[], "%!(NOVERB)");
        check("%[2]d %[1]d", &[1.into(), 2.into()], "2 1");
        check("%[5]d", &[1.into()], "%!d(BADINDEX)");
        check("%*d|%.*f", &[5.into(), 1.into(), 1.into(), 2.0.into()], "    1|2.0");
        check("%s", &[Value::Nil], "%!s(<nil>)");
    }

    #[test]
    fn lists_and_maps() {
        let list = Value::from(vec![1.into(), "a".into(), Value::Nil]);
        let map = Value::from(Map::from_iter([("b", list.clone()), ("a", Value::from(1.5))]));
        check("%v", std::slice::from_ref(&map), "map[a:1.5 b:[1 a <nil>]]");
        check("%#v", &[map], r#"map[string]interface {}{"a":1.5, "b":[]interface {}{1, "a", interface {}(nil)}}"#);
        check(
            "%s %d %q",
            &[list.clone(), list, Value::List(List::strings(["a", "b"]))],
            r#"[%!s(int=1) a <nil>] [1 %!d(string=a) <nil>] ["a" "b"]"#,
        );
        check("%s %v", &[Value::Bytes(b"ab"[..].into()), Value::Bytes(b"ab"[..].into())], "ab [97 98]");
    }

    #[test]
    fn endless_values_and_endless_widths_stop() {
        let map = Map::new();
        map.insert("a", map.clone());
        assert!(print(&[map.clone().into()], 1 << 20).is_err());
        map.remove("a");
        assert!(printf("%999999d".repeat(50).as_bytes(), &vec![1.into(); 50], 1 << 20).is_err());
    }
}
