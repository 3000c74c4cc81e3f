//! The functions and types that the recorded questions use; `fixtures/judge/main.go` has the same in Go.

use std::any::Any;

use go_template::{
    Context, Error, Function, Functions, LIST, Limits, List, MAP, Map, Method, MissingKey, Named, Object, STRINGS,
    Templates, Type, Value, on_large_stack, quote,
};

/// What a template gives, or the words of its error.
pub(crate) fn run(template: &str, missing: &str, data: &serde_json::Value, limits: Limits) -> Result<String, String> {
    on_large_stack(|| {
        let missing = match missing {
            "zero" => MissingKey::Zero,
            "error" => MissingKey::Error,
            _ => MissingKey::Invalid,
        };
        let mut templates = Templates::new("gotpl", functions()).missing_key(missing);
        templates
            .add("x.yaml", template.as_bytes())
            .and_then(|()| templates.execute("x.yaml", &value_of(data), &mut Context::new(limits)))
            .map(|text| text.to_string())
            .map_err(|error| error.to_string())
    })
    .unwrap()
}

fn value_of(v: &serde_json::Value) -> Value {
    use serde_json::Value as J;
    match v {
        J::Null => Value::Nil,
        J::Bool(b) => Value::Bool(*b),
        J::Number(n) => Value::Float(n.as_f64().unwrap()),
        J::String(s) => Value::from(s.as_str()),
        J::Array(a) => Value::from(a.iter().map(value_of).collect::<Vec<_>>()),
        J::Object(o) => Value::Map(o.iter().map(|(k, v)| (k.as_str(), value_of(v))).collect()),
    }
}
fn s(v: &Value) -> String {
    v.as_text().unwrap().to_string()
}
static NAMED: Named = Named {
    name: "main.Named",
    underlying: MAP,
    string: None,
    methods: &[
        Method {
            name: "Get",
            params: &[Type::String],
            variadic: false,
            run: |_, r, a| {
                let k = s(&a[0]);
                r.as_map().unwrap().get(&k).ok_or_else(|| Error::new(format!("{} is not here", quote(k.as_bytes()))))
            },
        },
        Method {
            name: "Size",
            params: &[],
            variadic: false,
            run: |_, r, _| Ok(Value::Int(r.as_map().unwrap().len().try_into().unwrap())),
        },
    ],
};
static INNER: Named = Named {
    name: "main.Inner",
    underlying: Type::Struct,
    string: None,
    methods: &[Method {
        name: "Double",
        params: &[Type::Int],
        variadic: false,
        run: |_, r, a| Ok(Value::Int(r.as_object::<Inner>().unwrap().x * a[0].as_int().unwrap())),
    }],
};
static INNER_T: Type = Type::Named(&INNER);
static STR: Named =
    Named { name: "main.Str", underlying: Type::String, methods: &[], string: Some(|v| format!("<{}>", s(v)).into()) };
static DUR: Named = Named {
    name: "time.Duration",
    underlying: Type::Int64,
    methods: &[],
    string: Some(|v| if v.as_int() == Some(0) { "0s".to_owned() } else { format!("{}ns", v.as_int().unwrap()) }.into()),
};
#[derive(Debug)]
struct Inner {
    x: i64,
    y: String,
}
impl Object for Inner {
    fn ty(&self) -> Type {
        Type::Pointer(&INNER_T)
    }
    fn field(&self, n: &str) -> Option<Value> {
        match n {
            "X" => Some(self.x.into()),
            "Y" => Some(self.y.as_str().into()),
            _ => None,
        }
    }
    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("X", self.x.into()), ("Y", self.y.as_str().into())]
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}
fn functions() -> Functions {
    let mut f = Functions::new();
    f.add("list", Function::variadic(&[Type::Any], |_, a| Ok(Value::from(a.to_vec()))));
    f.add(
        "dict",
        Function::variadic(&[Type::Any], |c, a| {
            let m = Map::new();
            for p in a.chunks_exact(2) {
                m.insert(c.print(&p[..1])?, p[1].clone());
            }
            Ok(m.into())
        }),
    );
    f.add(
        "set",
        Function::new(&[MAP, Type::String, Type::Any], |_, a| {
            if !a[0].as_map().unwrap().insert(a[1].as_text().unwrap(), a[2].clone()) {
                return Err(Error::new("assignment to entry in nil map"));
            }
            Ok(a[0].clone())
        }),
    );
    f.add("strs", Function::variadic(&[Type::String], |_, a| Ok(Value::List(List::typed(STRINGS, a.to_vec())))));
    f.add(
        "ints",
        Function::variadic(&[Type::Int], |_, a| Ok(Value::List(List::typed(Type::Slice(&Type::Int), a.to_vec())))),
    );
    f.add(
        "smap",
        Function::variadic(&[Type::String], |_, a| {
            let m = Map::typed(Type::Map(&Type::String));
            for p in a.chunks_exact(2) {
                m.insert(p[0].as_text().unwrap(), p[1].clone());
            }
            Ok(m.into())
        }),
    );
    f.add("bytes", Function::new(&[Type::String], |_, a| Ok(Value::Bytes(a[0].as_text().unwrap().as_bytes().into()))));
    macro_rules! id {
        ($n:literal, $t:expr) => {
            f.add($n, Function::new(&[$t], |_, a| Ok(a[0].clone())));
        };
    }
    id!("i64", Type::Int64);
    id!("u64", Type::Uint64);
    id!("u8", Type::Uint8);
    id!("f32", Type::Float32);
    id!("i8", Type::Int8);
    id!("f64", Type::Float64);
    id!("cap", Type::Bool);
    f.add("named", Function::new(&[MAP], |_, a| Ok(a[0].as_map().unwrap().with_type(Type::Named(&NAMED)).into())));
    f.add(
        "inner",
        Function::new(&[Type::Int, Type::String], |_, a| {
            Ok(Value::object(Inner { x: a[0].as_int().unwrap(), y: s(&a[1]) }))
        }),
    );
    f.add("nilinner", Function::new(&[], |_, _| Ok(Value::typed(Type::Pointer(&INNER_T), Value::Nil))));
    f.add("str", Function::new(&[Type::String], |_, a| Ok(Value::typed(Type::Named(&STR), a[0].clone()))));
    f.add(
        "dur",
        Function::new(&[Type::Int64], |_, a| Ok(Value::typed(Type::Named(&DUR), Value::Int(a[0].as_int().unwrap())))),
    );
    f.add(
        "two",
        Function::new(&[Type::String, Type::Int], |_, a| {
            let count = usize::try_from(a[1].as_int().unwrap());
            let count = count.map_err(|_| Error::new("strings: negative Repeat count"))?;
            Ok(s(&a[0]).repeat(count).into())
        }),
    );
    f.add("fail", Function::new(&[Type::String], |_, a| Err(Error::new(s(&a[0])))));
    f.add("nothing", Function::new(&[], |_, _| Ok(Value::Nil)));
    f.add("nilmap", Function::new(&[], |_, _| Ok(Map::nil(MAP).into())));
    f.add("nillist", Function::new(&[], |_, _| Ok(List::nil(LIST).into())));
    f.add(
        "fn",
        Function::new(&[], |_, _| {
            Ok(Value::Function(Function::variadic(&[Type::Int, Type::String], |c, a| {
                let l = Value::List(List::typed(STRINGS, a[1..].to_vec()));
                Ok(c.print(&[a[0].clone(), l])?.into())
            })))
        }),
    );
    f.add(
        "include",
        Function::new(&[Type::String, Type::Any], |c, a| {
            Ok(c.execute(a[0].as_text().unwrap().as_bytes(), &a[1])?.into())
        }),
    );
    f
}
