//! Chat inside an axum program that has its own users and its own routes: the whole client contract under `/chat`.
//!
//! `cargo run -p gochat-examples --bin mount`, then `curl -X POST localhost:3000/login/ann` and use the token it answers at
//! `/chat/api/…` and `/chat/ws`.

use std::net::SocketAddr;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use gochat_infra::embedded::{GoChat, Mount};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().unwrap_or_else(|| "./mount-data".to_owned());
    let address = args.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let chat = GoChat::open(folder).await?;
    let app = Router::new()
        .route("/", get(|| async { "a program of its own" }))
        .route("/login/{name}", post(login))
        .with_state(chat.clone())
        .nest("/chat", chat.router(Mount::default()));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let stop = async {
        let _ctrl_c_or_no_signals_here = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    chat.shutdown().await;
    Ok(())
}

/// The program knows who its users are (here it believes everybody); chat takes them in by the program's own ids.
async fn login(
    State(chat): State<GoChat>,
    Path(name): Path<String>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let id = format!("users/{name}");
    let user = chat.user(&id, &name).await.map_err(|e| (StatusCode::BAD_REQUEST, e.to_string()))?;
    Ok(Json(json!({"token": user.grant().access_token, "userId": user.id().to_string()})))
}
