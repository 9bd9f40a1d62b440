//! An object store that stops where it is told to, and rots.

use std::fmt;
use std::ops::Not;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use gochat_infra::archive::object_store::memory::InMemory;
use gochat_infra::archive::object_store::path::Path;
use gochat_infra::archive::object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::watch;

/// Where a call stops until it may go on; `Spoil` is no stop: what is put is half of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    BeforePut,
    AfterPut,
    BeforeGet,
    AfterGet,
    Spoil,
}

/// Objects in memory, behind the place where calls stop.
#[derive(Debug)]
pub(crate) struct Cuts {
    objects: InMemory,
    cut: watch::Sender<Option<Cut>>,
    seen: watch::Sender<Option<Cut>>,
}

impl fmt::Display for Cuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cuts")
    }
}

impl Cuts {
    pub(crate) fn over(objects: InMemory) -> Arc<Self> {
        Arc::new(Self { objects, cut: watch::Sender::new(None), seen: watch::Sender::new(None) })
    }

    pub(crate) fn at(&self, cut: Cut) {
        self.seen.send_replace(None);
        self.cut.send_replace(Some(cut));
    }

    /// Lets all go on.
    pub(crate) fn none(&self) {
        self.seen.send_replace(None);
        self.cut.send_replace(None);
    }

    /// Waits until a call is where it was told to stop.
    pub(crate) async fn reached(&self) {
        let cut = self.cut.borrow().expect("told");
        self.passed(cut).await;
    }

    /// Waits until a call is there.
    pub(crate) async fn passed(&self, cut: Cut) {
        self.seen.subscribe().wait_for(|seen| *seen == Some(cut)).await.expect("the sender lives");
    }

    async fn pass(&self, cut: Cut) {
        self.seen.send_replace(Some(cut));
        self.cut.subscribe().wait_for(|at| *at != Some(cut)).await.expect("the sender lives");
    }

    pub(crate) async fn objects(&self) -> u64 {
        self.objects.list(None).count().await as u64
    }

    pub(crate) async fn remove(&self, name: &str) {
        self.objects.delete(&Path::from(name)).await.expect("removed");
    }

    pub(crate) async fn remove_all(&self) {
        let all: Vec<_> = self.objects.list(None).try_collect().await.expect("listed");
        for meta in all {
            self.remove(meta.location.as_ref()).await;
        }
    }

    pub(crate) async fn copy(&self, from: &str, to: &str) {
        self.objects.copy(&Path::from(from), &Path::from(to)).await.expect("copied");
    }

    /// Turns a byte in the middle into another one.
    pub(crate) async fn flip(&self, name: &str) {
        let path = Path::from(name);
        let bytes = self.objects.get(&path).await.expect("there").bytes().await.expect("read");
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] = bytes[middle].not();
        self.objects.put(&path, bytes.into()).await.expect("put");
    }
}

#[async_trait]
impl ObjectStore for Cuts {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.pass(Cut::BeforePut).await;
        let payload = if *self.cut.borrow() == Some(Cut::Spoil) {
            let bytes: Vec<u8> = payload.iter().flatten().copied().collect();
            bytes[..bytes.len() / 2].to_vec().into()
        } else {
            payload
        };
        let put = self.objects.put_opts(path, payload, options).await;
        self.pass(Cut::AfterPut).await;
        put
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.pass(Cut::BeforeGet).await;
        let got = self.objects.get_opts(path, options).await;
        self.pass(Cut::AfterGet).await;
        got
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
