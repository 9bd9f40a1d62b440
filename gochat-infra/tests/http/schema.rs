//! As much of JSON Schema as `docs/api` uses; a keyword that is not known here fails.

use std::sync::LazyLock;

use serde_json::Value;

pub(crate) static OPENAPI: LazyLock<Value> = LazyLock::new(|| read("openapi.json"));
pub(crate) static ASYNCAPI: LazyLock<Value> = LazyLock::new(|| read("asyncapi.json"));

fn read(name: &str) -> Value {
    let path = format!("{}/../docs/api/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Follows `$ref`, also into the other file.
pub(crate) fn resolve<'a>(document: &'a Value, schema: &'a Value) -> (&'a Value, &'a Value) {
    let Some(target) = schema.get("$ref").and_then(Value::as_str) else { return (document, schema) };
    let (file, pointer) = target.split_once('#').expect("a reference has a #");
    let document = if file.is_empty() { document } else { &*OPENAPI };
    let found = document.pointer(pointer).unwrap_or_else(|| panic!("{target} leads nowhere"));
    resolve(document, found)
}

/// Checks a value; the error says where it differs.
pub(crate) fn check(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let (document, schema) = resolve(document, schema);
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let fits = match keyword.as_str() {
            "description" | "format" => true,
            "type" => has_type(wanted.as_str().expect("one type"), value),
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "minimum" => value.as_i64().is_none_or(|n| n >= wanted.as_i64().expect("a number")),
            "maximum" => value.as_i64().is_none_or(|n| n <= wanted.as_i64().expect("a number")),
            "pattern" => value.as_str().is_none_or(|text| pattern(wanted.as_str().expect("a text"), text)),
            "required" => wanted.as_array().is_some_and(|names| {
                names.iter().all(|name| value.get(name.as_str().unwrap_or("")).is_some())
            }),
            "properties" => {
                for (name, property) in wanted.as_object().expect("properties") {
                    if let Some(inner) = value.get(name) {
                        check(document, property, inner, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            "additionalProperties" => others(document, schema, wanted, value, at)?,
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(document, wanted, item, &format!("{at}[{n}]"))?;
                }
                true
            }
            "oneOf" => {
                let all = wanted.as_array().expect("schemas");
                all.iter().filter(|one| check(document, one, value, at).is_ok()).count() == 1
            }
            other => panic!("{other} is not checked"),
        };
        if !fits {
            return Err(format!("{at}: {value} against {keyword}: {wanted}"));
        }
    }
    Ok(())
}

/// Properties that are not named.
fn others(document: &Value, schema: &Value, wanted: &Value, value: &Value, at: &str) -> Result<bool, String> {
    let named = |name: &str| schema["properties"].get(name).is_some();
    for (name, inner) in value.as_object().into_iter().flatten().filter(|(name, _)| !named(name)) {
        if *wanted == Value::Bool(false) {
            return Err(format!("{at}.{name} is not described"));
        }
        check(document, wanted, inner, &format!("{at}.{name}"))?;
    }
    Ok(true)
}

fn has_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    }
}

/// The few patterns that are used.
fn pattern(pattern: &str, text: &str) -> bool {
    let decimal = |t: &str| (1..=19).contains(&t.len()) && !t.starts_with('0') && digits(t);
    match pattern {
        "^[0-9]+$" => digits(text),
        "^[1-9][0-9]{0,18}$" => decimal(text),
        "^(world|[1-9][0-9]{0,18})$" => text == "world" || decimal(text),
        time if time.contains("\\dT") => {
            gochat_proto::WireTime::parse(text).is_some_and(|t| t.format() == text.as_bytes())
        }
        other => panic!("{other} is not checked"),
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
