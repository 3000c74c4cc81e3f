//! Whatever a template is, it ends within its bounds, and a second run gives the same answer.
#![no_main]

use go_template::{Context, Function, Functions, Limits, Map, Templates, Type, Value, on_large_stack};
use libfuzzer_sys::fuzz_target;

const BYTES: u64 = 1 << 20;

fn run(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut functions = Functions::new();
    functions.add("list", Function::variadic(&[Type::Any], |_, args| Ok(Value::from(args.to_vec()))));
    functions.add(
        "include",
        Function::new(&[Type::String, Type::Any], |context, args| {
            let name = args[0].as_text().expect("the parameter is a string");
            Ok(Value::from(context.execute(name.as_bytes(), &args[1])?))
        }),
    );
    let mut templates = Templates::new("fuzz", functions);
    let items = Value::from(vec![1.into(), "a".into(), 1.5.into(), Value::Nil]);
    let data = Value::from(Map::from_iter([("s", Value::from("text")), ("l", items)]));
    let limits = Limits { steps: 100_000, bytes: BYTES, depth: 100 };
    templates
        .add("t", text)
        .and_then(|()| templates.execute("t", &data, &mut Context::new(limits)))
        .map(|text| text.as_bytes().to_vec())
        .map_err(|error| error.to_string())
}

fuzz_target!(|text: &[u8]| {
    let (first, second) = on_large_stack(|| (run(text), run(text))).expect("a thread can be had");
    assert_eq!(first, second);
    if let Ok(text) = first {
        assert!(text.len() as u64 <= BYTES);
    }
});
