//! Somebody who makes requests, with or without a token.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use super::{Answer, StreamRequest};

/// One client of the REST API. Calls that must reach the server panic when they do not; the `try_` ones say so.
#[derive(Clone)]
pub struct Caller {
    pub address: SocketAddr,
    http: reqwest::Client,
    headers: HeaderMap,
}

impl Caller {
    pub fn new(address: SocketAddr, http: reqwest::Client) -> Self {
        Self { address, http, headers: HeaderMap::new() }
    }

    /// The same caller with one header more in every request.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut caller = self.clone();
        caller.headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
        caller
    }

    #[must_use]
    pub fn with_bearer(&self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    pub fn bearer(&self) -> Option<String> {
        self.headers.get("authorization").map(|value| value.to_str().unwrap().trim_start_matches("Bearer ").to_owned())
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let what = format!("{method} {path}");
        self.try_call(method, path, body).await.unwrap_or_else(|error| panic!("{what}: {error:?}"))
    }

    pub async fn try_call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, reqwest::Error> {
        let body = body.map(|json| ("application/json", json.to_string().into_bytes()));
        self.try_send(method, path, body).await
    }

    /// A body of any kind, under the content type that is claimed for it.
    pub async fn send_body(&self, method: Method, path: &str, kind: &'static str, body: impl Into<Vec<u8>>) -> Answer {
        let what = format!("{method} {path}");
        self.try_send(method, path, Some((kind, body.into()))).await.unwrap_or_else(|error| panic!("{what}: {error:?}"))
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request =
            self.http.request(method.clone(), format!("http://{}{path}", self.address)).headers(self.headers.clone());
        if let Some((kind, bytes)) = body {
            request = request.header("content-type", kind).body(bytes);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Answer { status, headers, body: response.bytes().await?.to_vec() };
        super::documented::check(&method, path, &answer);
        Ok(answer)
    }

    /// The newest `seq` of the server, as a poll without a cursor tells it.
    pub async fn head(&self) -> u64 {
        self.get("/api/v1/events").await.expect(200)["head"].as_u64().expect("head is a number")
    }

    /// A stream with this caller's token.
    pub fn stream(&self) -> StreamRequest {
        StreamRequest::new(self.bearer().map_or(super::Credentials::None, super::Credentials::Bearer))
    }
}
