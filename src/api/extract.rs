//! What handlers are given: who calls, from where, and what the request says, each refused in its own words.

use super::app::App;
use super::cookie;
use super::openapi::{Asks, Operation, Parameter, of_value};
use super::problem::Problem;
use super::wording::{self, Wrong};
use crate::domain::Refusal;
use crate::domain::messages::check_client_id;
use crate::domain::sessions::Principal;
use crate::gate::{Bounds, ClientAddress};
use crate::service::credentials::CheckedCookie;
use axum::body::HttpBody;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum_extra::extract::CookieJar;
use http::{Extensions, HeaderMap, StatusCode, header, request::Parts};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Whoever calls: a handler that takes this is only reached with good credentials.
pub(super) struct Caller(pub(super) Principal);

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self(known(parts, app).await?.ok_or_else(Problem::no_credentials)?))
    }
}

/// The refusals of credentials.
const CREDENTIALS: &[&str] = &["unauthorized", "token_expired", "insufficient_scope"];
/// The refusals of a body, whatever is in it.
pub(super) const BODIES: &[&str] = &["malformed_request", "body_too_large", "too_slow", "unsupported_media_type"];
/// The refusals of what is read as JSON.
pub(super) const VALUES: &[&str] = &["malformed_json", "invalid", "unknown_field"];

impl Asks for Caller {
    fn asks(operation: &mut Operation<'_>) {
        operation.takes_credentials(&["bearer", "cookie"]);
        operation.refuses(CREDENTIALS);
    }
}

/// Whoever calls with all the rights of an account, not by a key with some of them.
pub(super) struct Owner(pub(super) Principal);

impl FromRequestParts<App> for Owner {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Caller(principal) = Caller::from_request_parts(parts, app).await?;
        principal.require_full()?;
        Ok(Self(principal))
    }
}

impl Asks for Owner {
    fn asks(operation: &mut Operation<'_>) {
        Caller::asks(operation);
    }
}

/// Whoever calls, if anybody does whom we know. A cookie that is good no more is nobody's; another token is refused.
pub(super) struct Anybody(pub(super) Option<Principal>);

impl FromRequestParts<App> for Anybody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match known(parts, app).await {
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED && !shows_token(&parts.headers) => {
                Ok(Self(None))
            }
            outcome => outcome.map(Self),
        }
    }
}

fn shows_token(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}

impl Asks for Anybody {
    fn asks(operation: &mut Operation<'_>) {
        Caller::asks(operation);
        operation.takes_credentials(&[""]);
    }
}

/// Whoever calls, or nobody in particular where the operator lets anybody read channels.
pub(super) struct Visitor(pub(super) Principal);

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let anybody = || app.options.anonymous_channels.then(Principal::anonymous);
        Ok(Self(known(parts, app).await?.or_else(anybody).ok_or_else(Problem::no_credentials)?))
    }
}

impl Asks for Visitor {
    fn asks(operation: &mut Operation<'_>) {
        Caller::asks(operation);
        // Where the operator lets anybody read channels.
        operation.takes_credentials(&[""]);
    }
}

/// What the check of a request's credentials came to, where it was made before the handler.
#[derive(Debug, Clone)]
pub(super) struct Known(pub(super) Result<Option<Principal>, Problem>);

async fn known(parts: &Parts, app: &App) -> Result<Option<Principal>, Problem> {
    match parts.extensions.get::<Known>() {
        Some(Known(outcome)) => outcome.clone(),
        None => principal(&parts.headers, &parts.extensions, app).await,
    }
}

/// Checks what a request's headers show, if they show anything: a Bearer token, or the web app's cookie.
pub(super) async fn principal(
    headers: &HeaderMap,
    extensions: &Extensions,
    app: &App,
) -> Result<Option<Principal>, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let value = value.to_str().map_err(|_| Refusal::Unauthorized)?;
        let (scheme, token) = value.split_once(' ').ok_or_else(Problem::no_credentials)?;
        if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
            return Err(Problem::no_credentials());
        }
        return Ok(Some(app.services.check_bearer(token.trim()).await?));
    }
    let jar = CookieJar::from_headers(headers);
    let Some(sent) = jar.get(app.cookie_name()) else { return Ok(None) };
    let (secret, is_kept) = cookie::read(sent.value());
    let CheckedCookie { principal, extended } = app.services.check_cookie(secret).await?;
    if let Some(lasts) = extended.filter(|_| is_kept) {
        cookie::renew(extensions, cookie::of_session(app, secret.to_owned(), lasts));
    }
    Ok(Some(principal))
}

impl Asks for ClientAddress {
    fn asks(_: &mut Operation<'_>) {}
}

impl Asks for Bounds {
    fn asks(operation: &mut Operation<'_>) {
        operation.refuses(&["too_many_requests"]);
    }
}

/// A JSON body.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "Send the body as JSON, with `Content-Type: application/json`.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        parse(&app.gate.body(request.into_body()).await?).map(Self)
    }
}

impl<T: JsonSchema> Asks for Json<T> {
    fn asks(operation: &mut Operation<'_>) {
        let schema = operation.taken::<T>();
        operation.takes_body("application/json", &schema);
        operation.refuses(BODIES);
        operation.refuses(VALUES);
    }
}

/// A JSON body that may be left out, all of whose fields may be.
pub(super) struct OptionalJson<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<App> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        // Who says of what kind his body is has not left it out.
        let says_kind = request.headers().contains_key(header::CONTENT_TYPE);
        if !says_kind && request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        Json::from_request(request, app).await.map(|Json(body)| Self(body))
    }
}

impl<T: JsonSchema> Asks for OptionalJson<T> {
    fn asks(operation: &mut Operation<'_>) {
        Json::<T>::asks(operation);
        operation.may_leave_out_its_body();
    }
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    kind == "application/json" || kind.starts_with("application/") && kind.ends_with("+json")
}

/// Reads JSON, and says which field is wrong.
pub(super) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    // Nearly every body is right, and then once is enough. Whatever is wrong with one is looked for below: these types take no
    // unknown fields, so nothing is passed over here that would be refused there.
    let begins = json.iter().find(|byte| !byte.is_ascii_whitespace());
    if begins == Some(&b'{')
        && let Ok(value) = serde_json::from_slice(json)
    {
        return Ok(value);
    }
    // What is no JSON at all is said first, before any field of it is judged.
    let mut value = serde_json::from_slice::<Value>(json).map_err(|error| not_json(&error))?;
    if !value.is_object() {
        // serde would take the fields of an array in order.
        let detail = "The body is a JSON object.";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail));
    }
    let rewritten = if write_whole(&mut value) { serde_json::to_vec(&value).ok() } else { None };
    let mut reader = serde_json::Deserializer::from_slice(rewritten.as_deref().unwrap_or(json));
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| refused(&error))?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// Writes 7.0 as 7: JSON knows one kind of numbers, and to its schemas both are integers. Says whether there was any.
fn write_whole(value: &mut Value) -> bool {
    /// Larger ones are not exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT);
            let Some(whole) = whole.and_then(|whole| format!("{whole:.0}").parse::<i64>().ok()) else { return false };
            *value = whole.into();
            true
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, item| write_whole(item) | any),
        Value::Object(fields) => fields.values_mut().fold(false, |any, field| write_whole(field) | any),
        _ => false,
    }
}

fn not_json(error: &serde_json::Error) -> Problem {
    // It ended before it began.
    let detail = if error.is_eof() && error.column() == 0 {
        "There is no body. Send one, as JSON.".to_owned()
    } else {
        format!("The body is not JSON: {error}.")
    };
    Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
}

fn refused(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    if !inner.is_data() {
        return not_json(inner);
    }
    let message = inner.to_string();
    let said = message.split(" at line ").next().unwrap_or_default();
    let Wrong { unknown, field, detail } = wording::reword(said, &error.path().to_string(), "field");
    let code = if unknown { "unknown_field" } else { "invalid" };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).field(field)
}

/// The parameters of a query, none of them unknown.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(params)| Self(params)).map_err(|error| wording::of_query(&error.body_text()))
    }
}

impl<T: JsonSchema> Asks for Params<T> {
    fn asks(operation: &mut Operation<'_>) {
        let schema = operation.taken::<T>();
        of_value(operation, "query", &schema);
        operation.refuses(&["malformed_request"]);
    }
}

/// A part of the path. What cannot be one names nothing.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Path::<T>::from_request_parts(parts, app)
            .await
            .map(|Path(part)| Self(part))
            .map_err(|error| wording::of_path(&error))
    }
}

impl<T: JsonSchema> Asks for Named<T> {
    fn asks(operation: &mut Operation<'_>) {
        let schema = operation.taken::<T>();
        let schemas = schema["prefixItems"].as_array().cloned().unwrap_or_else(|| vec![schema]);
        for (name, mut schema) in operation.parts().into_iter().zip(schemas) {
            let described = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let says = match name {
                "name" => "A username, in any case.",
                "id" => "Its number.",
                _ => described.as_ref().and_then(Value::as_str).unwrap_or_default(),
            };
            operation.takes(Parameter { place: "path", name, says, required: true, schema });
        }
        operation.refuses(&["not_found"]);
    }
}

/// The name that an HTTP client gives a request which may be retried: `Idempotency-Key`.
pub(super) struct IdempotencyKey(pub(super) Option<String>);

/// The header that holds it.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else { return Ok(Self(None)) };
        let text = value.to_str().map_err(|_| Problem::malformed("`Idempotency-Key` is not plain ASCII."))?;
        // The draft standard writes it as a quoted string; many clients do not.
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let key = quoted.unwrap_or(text);
        check_client_id(key)?;
        if key.contains('"') {
            return Err(Problem::malformed("`Idempotency-Key` holds a quotation mark.").field("Idempotency-Key"));
        }
        Ok(Self(Some(key.to_owned())))
    }
}

impl Asks for IdempotencyKey {
    fn asks(operation: &mut Operation<'_>) {
        operation.takes(Parameter {
            place: "header",
            name: "Idempotency-Key",
            says: "Like `client_id`, for clients that know this header.",
            required: false,
            schema: json!({ "type": "string", "pattern": r#"^("[!#-~]{1,64}"|[!#-~]{1,64})$"# }),
        });
        operation.refuses(&["malformed_request", "invalid"]);
    }
}
