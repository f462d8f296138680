//! `http`: what it sends, where it follows, what it says of certificates, names and proxies.

mod frames;
mod looks;
mod names;
mod real;
mod redirects;
mod requests;
mod secure;
