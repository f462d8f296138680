//! `http`: what it sends, where it follows, what it says of certificates, names and proxies.

mod names;
mod redirects;
mod requests;
mod secure;
