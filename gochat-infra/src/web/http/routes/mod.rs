//! The routes, in the order of the contract.

mod accounts;
mod conversations;
mod friends;
mod groups;
mod health;
mod messages;
mod users;

pub(super) use health::probes;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, any, delete, get, post, put};
use gochat_core::error::Code;

use super::Api;
use crate::web::error::Problem;

type Methods = MethodRouter<Arc<Api>>;

macro_rules! routes {
    ($($method:ident $path:literal => $handler:expr;)*) => {
        /// Every route that is served: method and path. What `docs/api/openapi.json` describes.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path),)*];

        fn served() -> Vec<(&'static str, Methods)> {
            vec![$(($path, $method($handler)),)*]
        }
    };
}

routes! {
    post "/api/auth/register" => accounts::register;
    post "/api/auth/login" => accounts::login;
    post "/api/auth/guest" => accounts::guest;
    post "/api/auth/refresh" => accounts::refresh;
    post "/api/auth/logout" => accounts::logout;
    get "/api/user/info" => users::me;
    get "/api/users/info" => users::me;
    get "/api/users/profile" => users::me;
    put "/api/users/profile" => users::update;
    get "/api/users/search" => users::search;
    get "/api/users/status/online" => friends::online;
    get "/api/users/{username}" => users::by_name;
    get "/api/friends" => friends::list;
    post "/api/friends" => friends::befriend;
    delete "/api/friends/{userId}" => friends::unfriend;
    get "/api/conversations" => conversations::list;
    post "/api/conversations" => conversations::open;
    get "/api/conversations/{id}" => conversations::one;
    delete "/api/conversations/{id}" => conversations::hide;
    get "/api/conversations/{id}/messages" => messages::history;
    put "/api/conversations/{id}/read" => conversations::mark_read;
    get "/api/sync" => conversations::sync;
    post "/api/groups" => groups::create;
    get "/api/groups/{id}" => groups::one;
    put "/api/groups/{id}" => groups::update;
    delete "/api/groups/{id}" => groups::dissolve;
    get "/api/groups/{id}/members" => groups::members;
    post "/api/groups/{id}/members" => groups::add;
    put "/api/groups/{id}/members/{userId}" => groups::change_member;
    delete "/api/groups/{id}/members/{userId}" => groups::remove;
    post "/api/groups/{id}/transfer" => groups::transfer;
    post "/api/messages" => messages::send;
    get "/api/messages/{id}" => messages::one;
    delete "/api/messages/{id}" => messages::recall;
    put "/api/messages/{id}/read" => messages::mark_read;
    get "/healthz" => health::live;
    get "/readyz" => health::ready;
}

pub(super) fn all() -> Router<Arc<Api>> {
    let router = Router::new()
        // Rows of the contract that are not there yet, where another route would answer 405 or take them for its own.
        .route("/api/friends/requests", any(not_found))
        .route("/api/messages/search", any(not_found))
        .route("/api/messages/search/{keyword}", any(not_found))
        .route("/api/messages/{id}", put(not_found));
    served().into_iter().fold(router, |router, (path, methods)| router.route(path, methods))
}

/// Nothing is here.
pub(super) async fn not_found() -> Problem {
    Code::NotFound.into()
}

/// Something is here, for other methods.
pub(super) async fn method_not_allowed() -> Problem {
    Code::MethodNotAllowed.into()
}
