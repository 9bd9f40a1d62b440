//! `docs/api` says what the code does. (Beside what is here, [`Server`](crate::kit::Server) holds every answer of every
//! test against it.)

use std::collections::BTreeSet;

use gochat_core::Code;
use gochat_infra::web::http::ROUTES;
use gochat_infra::web::lang::fault_name;
use gochat_proto::ws::ClientFrame;
use serde_json::Value;

use crate::schema::{ASYNCAPI, OPENAPI, check, resolve};

#[test]
fn every_route_is_described_and_nothing_else() {
    let served: BTreeSet<_> = ROUTES.iter().map(|(method, path)| format!("{method} {path}")).collect();
    let described: BTreeSet<_> = OPENAPI["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().expect("methods").keys().map(move |method| format!("{method} {path}"))
        })
        .collect();
    assert_eq!(served, described);
}

#[test]
fn operations_have_names_of_their_own_and_all_variables_of_their_path() {
    let mut names = BTreeSet::new();
    for (path, methods) in OPENAPI["paths"].as_object().expect("paths") {
        for operation in methods.as_object().expect("methods").values() {
            assert!(names.insert(operation["operationId"].to_string()), "{path}");
            let parameters = operation["parameters"].as_array().expect("parameters");
            for part in path.split('/').filter_map(|p| p.strip_prefix('{')?.strip_suffix('}')) {
                let named = |p: &Value| {
                    let (_, p) = resolve(&OPENAPI, p);
                    p["in"] == "path" && p["name"] == part
                };
                assert!(parameters.iter().any(named), "{path} {part}");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(document: &Value, value: &Value) {
        match value {
            Value::Object(map) => {
                let _exists = resolve(document, value);
                map.values().for_each(|v| walk(document, v));
            }
            Value::Array(list) => list.iter().for_each(|v| walk(document, v)),
            _ => {}
        }
    }
    walk(&OPENAPI, &OPENAPI);
    walk(&ASYNCAPI, &ASYNCAPI);
}

fn names(list: &Value) -> BTreeSet<String> {
    list.as_array().expect("a list").iter().map(|v| v.as_str().expect("a text").to_owned()).collect()
}

#[test]
fn codes_and_faults_are_those_of_the_code() {
    use gochat_core::error::Fault::*;
    let codes: BTreeSet<_> = Code::ALL.iter().map(|c| c.as_str().to_owned()).collect();
    assert_eq!(names(&OPENAPI["components"]["schemas"]["Code"]["enum"]), codes);
    let faults = [
        Missing,
        TooShort { min: 1 },
        TooLong { max: 1 },
        Malformed,
        Reserved,
        Unknown,
        Contradictory,
        Oneself,
        WrongPassword,
    ];
    let faults: BTreeSet<_> = faults.into_iter().map(|f| fault_name(f).to_owned()).collect();
    let described = &OPENAPI["components"]["schemas"]["WrongField"]["properties"]["fault"]["enum"];
    assert_eq!(names(described), faults);
}

/// The message of one direction with this type.
fn message(direction: &str, kind: &str) -> &'static Value {
    let name = format!("{direction}-{kind}");
    ASYNCAPI["components"]["messages"].get(&name).unwrap_or_else(|| panic!("{name} is not described"))
}

#[test]
fn what_clients_send_is_understood() {
    let mut seen = 0;
    for (name, message) in ASYNCAPI["components"]["messages"].as_object().expect("messages") {
        let Some(kind) = name.strip_prefix("client-") else { continue };
        let example = &message["examples"][0]["payload"];
        assert_eq!(example["type"], kind);
        check(&ASYNCAPI, &message["payload"], example, name).expect("an example fits its schema");
        assert!(ClientFrame::parse(&example.to_string()).is_ok(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[test]
fn every_server_frame_is_described() {
    // The snapshots of the wire types: what they hold is what goes over the wire.
    let snapshots = include_str!("../../../proto/tests/frames.rs");
    let mut seen = BTreeSet::new();
    for snapshot in snapshots.split("r#\"").skip(1).filter_map(|s| s.split("\"#").next()) {
        // Those that are put together by `format!` have doubled braces and names in them.
        let Ok(frame) = serde_json::from_str::<Value>(snapshot) else { continue };
        let Some(kind) = frame["type"].as_str().filter(|_| frame.get("data").is_some()) else { continue };
        let described = message("server", kind);
        check(&ASYNCAPI, &described["payload"], &frame, kind).unwrap_or_else(|e| panic!("{e}"));
        seen.insert(format!("server-{kind}"));
    }
    // These carry whole messages; they are held against the description where they are made.
    seen.extend(["server-new-message".to_owned(), "server-sync-result".to_owned()]);
    let described: BTreeSet<_> = ASYNCAPI["components"]["messages"]
        .as_object()
        .expect("messages")
        .keys()
        .filter(|name| name.starts_with("server-"))
        .cloned()
        .collect();
    assert_eq!(seen, described);
}
