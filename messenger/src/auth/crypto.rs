//! Primitives of cephx: keys, AES-128-CBC sealing, HMAC (ceph-wire.md section 3).
//!
//! RustCrypto's `aes` and `aes-gcm` choose AES-NI and CLMUL at run time and fall back to constant-time
//! software, build without a C compiler and have no `unsafe` in our code.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use hmac::Mac;
use std::fmt;
use types::UTime;
use types::enc::{Decode, DecodeError, Encode, Reader, Result};

const IV: &[u8; 16] = b"cephsageyudagreg";
/// Starts every sealed plaintext: version 1 and a number that tells right keys from wrong ones.
const SEAL_MAGIC: u64 = 0xff00_9cad_8826_aa55;
const KIND_AES: u16 = 1;

/// Why sealed bytes could not be opened: wrong key, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsealable;
impl fmt::Display for Unsealable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sealed with another key, or damaged")
    }
}
impl std::error::Error for Unsealable {}

/// An AES-128 key with its time of creation. 28 bytes encoded; base64 of that in keyrings.
/// Not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CryptoKey {
    pub created: UTime,
    pub secret: [u8; 16],
}

impl CryptoKey {
    pub fn new(created: UTime, secret: [u8; 16]) -> Self {
        Self { created, secret }
    }

    /// AES-128-CBC with the fixed IV and PKCS#7 padding.
    pub fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        cbc::Encryptor::<aes::Aes128>::new(&self.secret.into(), IV.into())
            .encrypt_padded_vec_mut::<Pkcs7>(plain)
    }

    pub fn decrypt(&self, sealed: &[u8]) -> std::result::Result<Vec<u8>, Unsealable> {
        cbc::Decryptor::<aes::Aes128>::new(&self.secret.into(), IV.into())
            .decrypt_padded_vec_mut::<Pkcs7>(sealed)
            .map_err(|_| Unsealable)
    }

    /// `enc(T)`: version, magic and `body`, encrypted.
    pub fn seal(&self, body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut plain = vec![1];
        SEAL_MAGIC.encode(&mut plain);
        body(&mut plain);
        self.encrypt(&plain)
    }

    /// `lenc(T)`: the length, then `enc(T)`. Appends to `out`.
    pub fn seal_into(&self, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
        types::enc::put_blob(out, &self.seal(body));
    }

    /// Opens `enc(T)` and returns the bytes of `T`.
    pub fn open(&self, sealed: &[u8]) -> std::result::Result<Vec<u8>, Unsealable> {
        let mut plain = self.decrypt(sealed)?;
        let mut r = Reader::new(&plain);
        match (r.u8(), r.u64()) {
            (Ok(1), Ok(SEAL_MAGIC)) => {
                plain.drain(..9);
                Ok(plain)
            }
            _ => Err(Unsealable),
        }
    }

    /// Takes `lenc(T)` from `r` and returns the bytes of `T`.
    pub fn open_from(&self, r: &mut Reader<'_>) -> std::result::Result<Vec<u8>, Unsealable> {
        self.open(r.blob().map_err(|_| Unsealable)?)
    }

    /// HMAC-SHA256 of the parts, one after another.
    pub fn hmac(&self, bytes: &[u8]) -> [u8; 32] {
        self.hmac_state(bytes).finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub fn hmac_matches(&self, bytes: &[u8], signature: &[u8; 32]) -> bool {
        self.hmac_state(bytes).verify(signature.into()).is_ok()
    }

    fn hmac_state(&self, bytes: &[u8]) -> hmac::Hmac<sha2::Sha256> {
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&self.secret)
            .expect("HMAC takes keys of any length");
        mac.update(bytes);
        mac
    }

    /// The text of keyrings and `ceph auth get-key`.
    pub fn to_base64(&self) -> String {
        super::keyring::base64_encode(&self.to_vec())
    }

    /// Parses the text of [`Self::to_base64`].
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_slice(&super::keyring::base64_decode(text.trim())?).ok()
    }
}
impl fmt::Debug for CryptoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CryptoKey(..)")
    }
}
impl Encode for CryptoKey {
    fn encode(&self, out: &mut Vec<u8>) {
        KIND_AES.encode(out);
        self.created.encode(out);
        16u16.encode(out);
        out.extend_from_slice(&self.secret);
    }
}
impl Decode for CryptoKey {
    fn decode(r: &mut Reader<'_>) -> Result<Self> {
        let kind = r.u16()?;
        let created = r.get()?;
        let len = r.u16()?;
        if kind != KIND_AES {
            return Err(DecodeError::Invalid { what: "key type", value: kind as u64 });
        }
        if len != 16 {
            return Err(DecodeError::Invalid { what: "key length", value: len as u64 });
        }
        Ok(Self { created, secret: r.array("secret")? })
    }
}
