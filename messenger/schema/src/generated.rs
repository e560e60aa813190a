pub use root::*;

const _: () = ::planus::check_version_compatibility("planus-1.3.0");

/// The root namespace
///
/// Generated from these locations:
/// * File `messenger/schema/kermes.fbs`
#[no_implicit_prelude]
#[allow(clippy::needless_lifetimes)]
mod root {
    /// The namespace `kermes`
    ///
    /// Generated from these locations:
    /// * File `messenger/schema/kermes.fbs`
    pub mod kermes {
        /// The table `OsdBoot` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `OsdBoot` in the file `messenger/schema/kermes.fbs:10`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct OsdBoot {
            /// The field `osd` in the table `OsdBoot`
            pub osd: u32,
            /// The field `uuid` in the table `OsdBoot`
            pub uuid: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
            /// The field `public_addrs` in the table `OsdBoot`
            pub public_addrs: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
            /// The field `cluster_addrs` in the table `OsdBoot`
            pub cluster_addrs: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
            /// The field `shard_addrs` in the table `OsdBoot`
            pub shard_addrs: ::core::option::Option<::planus::alloc::vec::Vec<self::Addrs>>,
            /// The field `epoch` in the table `OsdBoot`
            pub epoch: u32,
            /// The field `features` in the table `OsdBoot`
            pub features: u64,
            /// The field `store_shards` in the table `OsdBoot`
            pub store_shards: u32,
            /// The field `total_bytes` in the table `OsdBoot`
            pub total_bytes: u64,
            /// The field `used_bytes` in the table `OsdBoot`
            pub used_bytes: u64,
            /// The field `available_bytes` in the table `OsdBoot`
            pub available_bytes: u64,
            /// The field `hostname` in the table `OsdBoot`
            pub hostname: ::core::option::Option<::planus::alloc::string::String>,
            /// The field `version` in the table `OsdBoot`
            pub version: ::core::option::Option<::planus::alloc::string::String>,
            /// The field `device_class` in the table `OsdBoot`
            pub device_class: ::core::option::Option<::planus::alloc::string::String>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for OsdBoot {
            fn default() -> Self {
                Self {
                    osd: 0,
                    uuid: ::core::default::Default::default(),
                    public_addrs: ::core::default::Default::default(),
                    cluster_addrs: ::core::default::Default::default(),
                    shard_addrs: ::core::default::Default::default(),
                    epoch: 0,
                    features: 0,
                    store_shards: 0,
                    total_bytes: 0,
                    used_bytes: 0,
                    available_bytes: 0,
                    hostname: ::core::default::Default::default(),
                    version: ::core::default::Default::default(),
                    device_class: ::core::default::Default::default(),
                }
            }
        }

        impl OsdBoot {
            /// Creates a [OsdBootBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> OsdBootBuilder<()> {
                OsdBootBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_osd: impl ::planus::WriteAsDefault<u32, u32>,
                field_uuid: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                field_public_addrs: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                field_cluster_addrs: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                field_shard_addrs: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::Addrs>]>,
                >,
                field_epoch: impl ::planus::WriteAsDefault<u32, u32>,
                field_features: impl ::planus::WriteAsDefault<u64, u64>,
                field_store_shards: impl ::planus::WriteAsDefault<u32, u32>,
                field_total_bytes: impl ::planus::WriteAsDefault<u64, u64>,
                field_used_bytes: impl ::planus::WriteAsDefault<u64, u64>,
                field_available_bytes: impl ::planus::WriteAsDefault<u64, u64>,
                field_hostname: impl ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
                field_version: impl ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
                field_device_class: impl ::planus::WriteAsOptional<
                    ::planus::Offset<::core::primitive::str>,
                >,
            ) -> ::planus::Offset<Self> {
                let prepared_osd = field_osd.prepare(builder, &0);
                let prepared_uuid = field_uuid.prepare(builder);
                let prepared_public_addrs = field_public_addrs.prepare(builder);
                let prepared_cluster_addrs = field_cluster_addrs.prepare(builder);
                let prepared_shard_addrs = field_shard_addrs.prepare(builder);
                let prepared_epoch = field_epoch.prepare(builder, &0);
                let prepared_features = field_features.prepare(builder, &0);
                let prepared_store_shards = field_store_shards.prepare(builder, &0);
                let prepared_total_bytes = field_total_bytes.prepare(builder, &0);
                let prepared_used_bytes = field_used_bytes.prepare(builder, &0);
                let prepared_available_bytes = field_available_bytes.prepare(builder, &0);
                let prepared_hostname = field_hostname.prepare(builder);
                let prepared_version = field_version.prepare(builder);
                let prepared_device_class = field_device_class.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<32> =
                    ::core::default::Default::default();
                if prepared_features.is_some() {
                    table_writer.write_entry::<u64>(6);
                }
                if prepared_total_bytes.is_some() {
                    table_writer.write_entry::<u64>(8);
                }
                if prepared_used_bytes.is_some() {
                    table_writer.write_entry::<u64>(9);
                }
                if prepared_available_bytes.is_some() {
                    table_writer.write_entry::<u64>(10);
                }
                if prepared_osd.is_some() {
                    table_writer.write_entry::<u32>(0);
                }
                if prepared_uuid.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(1);
                }
                if prepared_public_addrs.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(2);
                }
                if prepared_cluster_addrs.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(3);
                }
                if prepared_shard_addrs.is_some() {
                    table_writer
                        .write_entry::<::planus::Offset<[::planus::Offset<self::Addrs>]>>(4);
                }
                if prepared_epoch.is_some() {
                    table_writer.write_entry::<u32>(5);
                }
                if prepared_store_shards.is_some() {
                    table_writer.write_entry::<u32>(7);
                }
                if prepared_hostname.is_some() {
                    table_writer.write_entry::<::planus::Offset<str>>(11);
                }
                if prepared_version.is_some() {
                    table_writer.write_entry::<::planus::Offset<str>>(12);
                }
                if prepared_device_class.is_some() {
                    table_writer.write_entry::<::planus::Offset<str>>(13);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_features) = prepared_features {
                            object_writer.write::<_, _, 8>(&prepared_features);
                        }
                        if let ::core::option::Option::Some(prepared_total_bytes) =
                            prepared_total_bytes
                        {
                            object_writer.write::<_, _, 8>(&prepared_total_bytes);
                        }
                        if let ::core::option::Option::Some(prepared_used_bytes) =
                            prepared_used_bytes
                        {
                            object_writer.write::<_, _, 8>(&prepared_used_bytes);
                        }
                        if let ::core::option::Option::Some(prepared_available_bytes) =
                            prepared_available_bytes
                        {
                            object_writer.write::<_, _, 8>(&prepared_available_bytes);
                        }
                        if let ::core::option::Option::Some(prepared_osd) = prepared_osd {
                            object_writer.write::<_, _, 4>(&prepared_osd);
                        }
                        if let ::core::option::Option::Some(prepared_uuid) = prepared_uuid {
                            object_writer.write::<_, _, 4>(&prepared_uuid);
                        }
                        if let ::core::option::Option::Some(prepared_public_addrs) =
                            prepared_public_addrs
                        {
                            object_writer.write::<_, _, 4>(&prepared_public_addrs);
                        }
                        if let ::core::option::Option::Some(prepared_cluster_addrs) =
                            prepared_cluster_addrs
                        {
                            object_writer.write::<_, _, 4>(&prepared_cluster_addrs);
                        }
                        if let ::core::option::Option::Some(prepared_shard_addrs) =
                            prepared_shard_addrs
                        {
                            object_writer.write::<_, _, 4>(&prepared_shard_addrs);
                        }
                        if let ::core::option::Option::Some(prepared_epoch) = prepared_epoch {
                            object_writer.write::<_, _, 4>(&prepared_epoch);
                        }
                        if let ::core::option::Option::Some(prepared_store_shards) =
                            prepared_store_shards
                        {
                            object_writer.write::<_, _, 4>(&prepared_store_shards);
                        }
                        if let ::core::option::Option::Some(prepared_hostname) = prepared_hostname {
                            object_writer.write::<_, _, 4>(&prepared_hostname);
                        }
                        if let ::core::option::Option::Some(prepared_version) = prepared_version {
                            object_writer.write::<_, _, 4>(&prepared_version);
                        }
                        if let ::core::option::Option::Some(prepared_device_class) =
                            prepared_device_class
                        {
                            object_writer.write::<_, _, 4>(&prepared_device_class);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<OsdBoot>> for OsdBoot {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdBoot> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<OsdBoot>> for OsdBoot {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<OsdBoot>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<OsdBoot> for OsdBoot {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdBoot> {
                OsdBoot::create(
                    builder,
                    self.osd,
                    &self.uuid,
                    &self.public_addrs,
                    &self.cluster_addrs,
                    &self.shard_addrs,
                    self.epoch,
                    self.features,
                    self.store_shards,
                    self.total_bytes,
                    self.used_bytes,
                    self.available_bytes,
                    &self.hostname,
                    &self.version,
                    &self.device_class,
                )
            }
        }

        /// Builder for serializing an instance of the [OsdBoot] type.
        ///
        /// Can be created using the [OsdBoot::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct OsdBootBuilder<State>(State);

        impl OsdBootBuilder<()> {
            /// Setter for the [`osd` field](OsdBoot#structfield.osd).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd<T0>(self, value: T0) -> OsdBootBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u32, u32>,
            {
                OsdBootBuilder((value,))
            }

            /// Sets the [`osd` field](OsdBoot#structfield.osd) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd_as_default(self) -> OsdBootBuilder<(::planus::DefaultValue,)> {
                self.osd(::planus::DefaultValue)
            }
        }

        impl<T0> OsdBootBuilder<(T0,)> {
            /// Setter for the [`uuid` field](OsdBoot#structfield.uuid).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn uuid<T1>(self, value: T1) -> OsdBootBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                let (v0,) = self.0;
                OsdBootBuilder((v0, value))
            }

            /// Sets the [`uuid` field](OsdBoot#structfield.uuid) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn uuid_as_null(self) -> OsdBootBuilder<(T0, ())> {
                self.uuid(())
            }
        }

        impl<T0, T1> OsdBootBuilder<(T0, T1)> {
            /// Setter for the [`public_addrs` field](OsdBoot#structfield.public_addrs).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn public_addrs<T2>(self, value: T2) -> OsdBootBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                let (v0, v1) = self.0;
                OsdBootBuilder((v0, v1, value))
            }

            /// Sets the [`public_addrs` field](OsdBoot#structfield.public_addrs) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn public_addrs_as_null(self) -> OsdBootBuilder<(T0, T1, ())> {
                self.public_addrs(())
            }
        }

        impl<T0, T1, T2> OsdBootBuilder<(T0, T1, T2)> {
            /// Setter for the [`cluster_addrs` field](OsdBoot#structfield.cluster_addrs).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn cluster_addrs<T3>(self, value: T3) -> OsdBootBuilder<(T0, T1, T2, T3)>
            where
                T3: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                let (v0, v1, v2) = self.0;
                OsdBootBuilder((v0, v1, v2, value))
            }

            /// Sets the [`cluster_addrs` field](OsdBoot#structfield.cluster_addrs) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn cluster_addrs_as_null(self) -> OsdBootBuilder<(T0, T1, T2, ())> {
                self.cluster_addrs(())
            }
        }

        impl<T0, T1, T2, T3> OsdBootBuilder<(T0, T1, T2, T3)> {
            /// Setter for the [`shard_addrs` field](OsdBoot#structfield.shard_addrs).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn shard_addrs<T4>(self, value: T4) -> OsdBootBuilder<(T0, T1, T2, T3, T4)>
            where
                T4: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Addrs>]>>,
            {
                let (v0, v1, v2, v3) = self.0;
                OsdBootBuilder((v0, v1, v2, v3, value))
            }

            /// Sets the [`shard_addrs` field](OsdBoot#structfield.shard_addrs) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn shard_addrs_as_null(self) -> OsdBootBuilder<(T0, T1, T2, T3, ())> {
                self.shard_addrs(())
            }
        }

        impl<T0, T1, T2, T3, T4> OsdBootBuilder<(T0, T1, T2, T3, T4)> {
            /// Setter for the [`epoch` field](OsdBoot#structfield.epoch).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch<T5>(self, value: T5) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5)>
            where
                T5: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2, v3, v4) = self.0;
                OsdBootBuilder((v0, v1, v2, v3, v4, value))
            }

            /// Sets the [`epoch` field](OsdBoot#structfield.epoch) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch_as_default(
                self,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, ::planus::DefaultValue)> {
                self.epoch(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5> OsdBootBuilder<(T0, T1, T2, T3, T4, T5)> {
            /// Setter for the [`features` field](OsdBoot#structfield.features).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn features<T6>(self, value: T6) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6)>
            where
                T6: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5) = self.0;
                OsdBootBuilder((v0, v1, v2, v3, v4, v5, value))
            }

            /// Sets the [`features` field](OsdBoot#structfield.features) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn features_as_default(
                self,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, ::planus::DefaultValue)> {
                self.features(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6)> {
            /// Setter for the [`store_shards` field](OsdBoot#structfield.store_shards).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn store_shards<T7>(
                self,
                value: T7,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7)>
            where
                T7: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2, v3, v4, v5, v6) = self.0;
                OsdBootBuilder((v0, v1, v2, v3, v4, v5, v6, value))
            }

            /// Sets the [`store_shards` field](OsdBoot#structfield.store_shards) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn store_shards_as_default(
                self,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, ::planus::DefaultValue)> {
                self.store_shards(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7)> {
            /// Setter for the [`total_bytes` field](OsdBoot#structfield.total_bytes).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn total_bytes<T8>(
                self,
                value: T8,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8)>
            where
                T8: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7) = self.0;
                OsdBootBuilder((v0, v1, v2, v3, v4, v5, v6, v7, value))
            }

            /// Sets the [`total_bytes` field](OsdBoot#structfield.total_bytes) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn total_bytes_as_default(
                self,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, ::planus::DefaultValue)>
            {
                self.total_bytes(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8)> {
            /// Setter for the [`used_bytes` field](OsdBoot#structfield.used_bytes).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn used_bytes<T9>(
                self,
                value: T9,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9)>
            where
                T9: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8) = self.0;
                OsdBootBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, value))
            }

            /// Sets the [`used_bytes` field](OsdBoot#structfield.used_bytes) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn used_bytes_as_default(
                self,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, ::planus::DefaultValue)>
            {
                self.used_bytes(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9>
            OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9)>
        {
            /// Setter for the [`available_bytes` field](OsdBoot#structfield.available_bytes).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn available_bytes<T10>(
                self,
                value: T10,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)>
            where
                T10: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9) = self.0;
                OsdBootBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, value))
            }

            /// Sets the [`available_bytes` field](OsdBoot#structfield.available_bytes) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn available_bytes_as_default(
                self,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, ::planus::DefaultValue)>
            {
                self.available_bytes(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>
            OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)>
        {
            /// Setter for the [`hostname` field](OsdBoot#structfield.hostname).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn hostname<T11>(
                self,
                value: T11,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11)>
            where
                T11: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10) = self.0;
                OsdBootBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, value))
            }

            /// Sets the [`hostname` field](OsdBoot#structfield.hostname) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn hostname_as_null(
                self,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, ())> {
                self.hostname(())
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11>
            OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11)>
        {
            /// Setter for the [`version` field](OsdBoot#structfield.version).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn version<T12>(
                self,
                value: T12,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12)>
            where
                T12: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11) = self.0;
                OsdBootBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, value))
            }

            /// Sets the [`version` field](OsdBoot#structfield.version) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn version_as_null(
                self,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, ())>
            {
                self.version(())
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12>
            OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12)>
        {
            /// Setter for the [`device_class` field](OsdBoot#structfield.device_class).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn device_class<T13>(
                self,
                value: T13,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13)>
            where
                T13: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12) = self.0;
                OsdBootBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, value))
            }

            /// Sets the [`device_class` field](OsdBoot#structfield.device_class) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn device_class_as_null(
                self,
            ) -> OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, ())>
            {
                self.device_class(())
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13>
            OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13)>
        {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [OsdBoot].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdBoot>
            where
                Self: ::planus::WriteAsOffset<OsdBoot>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T3: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T4: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Addrs>]>>,
                T5: ::planus::WriteAsDefault<u32, u32>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsDefault<u32, u32>,
                T8: ::planus::WriteAsDefault<u64, u64>,
                T9: ::planus::WriteAsDefault<u64, u64>,
                T10: ::planus::WriteAsDefault<u64, u64>,
                T11: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
                T12: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
                T13: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
            > ::planus::WriteAs<::planus::Offset<OsdBoot>>
            for OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13)>
        {
            type Prepared = ::planus::Offset<OsdBoot>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdBoot> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T3: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T4: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Addrs>]>>,
                T5: ::planus::WriteAsDefault<u32, u32>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsDefault<u32, u32>,
                T8: ::planus::WriteAsDefault<u64, u64>,
                T9: ::planus::WriteAsDefault<u64, u64>,
                T10: ::planus::WriteAsDefault<u64, u64>,
                T11: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
                T12: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
                T13: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
            > ::planus::WriteAsOptional<::planus::Offset<OsdBoot>>
            for OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13)>
        {
            type Prepared = ::planus::Offset<OsdBoot>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<OsdBoot>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T3: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T4: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Addrs>]>>,
                T5: ::planus::WriteAsDefault<u32, u32>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsDefault<u32, u32>,
                T8: ::planus::WriteAsDefault<u64, u64>,
                T9: ::planus::WriteAsDefault<u64, u64>,
                T10: ::planus::WriteAsDefault<u64, u64>,
                T11: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
                T12: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
                T13: ::planus::WriteAsOptional<::planus::Offset<::core::primitive::str>>,
            > ::planus::WriteAsOffset<OsdBoot>
            for OsdBootBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdBoot> {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13) = &self.0;
                OsdBoot::create(builder, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13)
            }
        }

        /// Reference to a deserialized [OsdBoot].
        #[derive(Copy, Clone)]
        pub struct OsdBootRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> OsdBootRef<'a> {
            /// Getter for the [`osd` field](OsdBoot#structfield.osd).
            #[inline]
            pub fn osd(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(0, "OsdBoot", "osd")?.unwrap_or(0))
            }

            /// Getter for the [`uuid` field](OsdBoot#structfield.uuid).
            #[inline]
            pub fn uuid(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(1, "OsdBoot", "uuid")
            }

            /// Getter for the [`public_addrs` field](OsdBoot#structfield.public_addrs).
            #[inline]
            pub fn public_addrs(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(2, "OsdBoot", "public_addrs")
            }

            /// Getter for the [`cluster_addrs` field](OsdBoot#structfield.cluster_addrs).
            #[inline]
            pub fn cluster_addrs(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(3, "OsdBoot", "cluster_addrs")
            }

            /// Getter for the [`shard_addrs` field](OsdBoot#structfield.shard_addrs).
            #[inline]
            pub fn shard_addrs(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<::planus::Vector<'a, ::planus::Result<self::AddrsRef<'a>>>>,
            > {
                self.0.access(4, "OsdBoot", "shard_addrs")
            }

            /// Getter for the [`epoch` field](OsdBoot#structfield.epoch).
            #[inline]
            pub fn epoch(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(5, "OsdBoot", "epoch")?.unwrap_or(0))
            }

            /// Getter for the [`features` field](OsdBoot#structfield.features).
            #[inline]
            pub fn features(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(6, "OsdBoot", "features")?.unwrap_or(0))
            }

            /// Getter for the [`store_shards` field](OsdBoot#structfield.store_shards).
            #[inline]
            pub fn store_shards(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(7, "OsdBoot", "store_shards")?.unwrap_or(0),
                )
            }

            /// Getter for the [`total_bytes` field](OsdBoot#structfield.total_bytes).
            #[inline]
            pub fn total_bytes(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(8, "OsdBoot", "total_bytes")?.unwrap_or(0))
            }

            /// Getter for the [`used_bytes` field](OsdBoot#structfield.used_bytes).
            #[inline]
            pub fn used_bytes(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(9, "OsdBoot", "used_bytes")?.unwrap_or(0))
            }

            /// Getter for the [`available_bytes` field](OsdBoot#structfield.available_bytes).
            #[inline]
            pub fn available_bytes(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(10, "OsdBoot", "available_bytes")?.unwrap_or(0),
                )
            }

            /// Getter for the [`hostname` field](OsdBoot#structfield.hostname).
            #[inline]
            pub fn hostname(
                &self,
            ) -> ::planus::Result<::core::option::Option<&'a ::core::primitive::str>> {
                self.0.access(11, "OsdBoot", "hostname")
            }

            /// Getter for the [`version` field](OsdBoot#structfield.version).
            #[inline]
            pub fn version(
                &self,
            ) -> ::planus::Result<::core::option::Option<&'a ::core::primitive::str>> {
                self.0.access(12, "OsdBoot", "version")
            }

            /// Getter for the [`device_class` field](OsdBoot#structfield.device_class).
            #[inline]
            pub fn device_class(
                &self,
            ) -> ::planus::Result<::core::option::Option<&'a ::core::primitive::str>> {
                self.0.access(13, "OsdBoot", "device_class")
            }
        }

        impl<'a> ::core::fmt::Debug for OsdBootRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("OsdBootRef");
                f.field("osd", &self.osd());
                if let ::core::option::Option::Some(field_uuid) = self.uuid().transpose() {
                    f.field("uuid", &field_uuid);
                }
                if let ::core::option::Option::Some(field_public_addrs) =
                    self.public_addrs().transpose()
                {
                    f.field("public_addrs", &field_public_addrs);
                }
                if let ::core::option::Option::Some(field_cluster_addrs) =
                    self.cluster_addrs().transpose()
                {
                    f.field("cluster_addrs", &field_cluster_addrs);
                }
                if let ::core::option::Option::Some(field_shard_addrs) =
                    self.shard_addrs().transpose()
                {
                    f.field("shard_addrs", &field_shard_addrs);
                }
                f.field("epoch", &self.epoch());
                f.field("features", &self.features());
                f.field("store_shards", &self.store_shards());
                f.field("total_bytes", &self.total_bytes());
                f.field("used_bytes", &self.used_bytes());
                f.field("available_bytes", &self.available_bytes());
                if let ::core::option::Option::Some(field_hostname) = self.hostname().transpose() {
                    f.field("hostname", &field_hostname);
                }
                if let ::core::option::Option::Some(field_version) = self.version().transpose() {
                    f.field("version", &field_version);
                }
                if let ::core::option::Option::Some(field_device_class) =
                    self.device_class().transpose()
                {
                    f.field("device_class", &field_device_class);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<OsdBootRef<'a>> for OsdBoot {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: OsdBootRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    osd: ::core::convert::TryInto::try_into(value.osd()?)?,
                    uuid: value.uuid()?.map(|v| v.to_vec()),
                    public_addrs: value.public_addrs()?.map(|v| v.to_vec()),
                    cluster_addrs: value.cluster_addrs()?.map(|v| v.to_vec()),
                    shard_addrs: if let ::core::option::Option::Some(shard_addrs) =
                        value.shard_addrs()?
                    {
                        ::core::option::Option::Some(shard_addrs.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                    epoch: ::core::convert::TryInto::try_into(value.epoch()?)?,
                    features: ::core::convert::TryInto::try_into(value.features()?)?,
                    store_shards: ::core::convert::TryInto::try_into(value.store_shards()?)?,
                    total_bytes: ::core::convert::TryInto::try_into(value.total_bytes()?)?,
                    used_bytes: ::core::convert::TryInto::try_into(value.used_bytes()?)?,
                    available_bytes: ::core::convert::TryInto::try_into(value.available_bytes()?)?,
                    hostname: value.hostname()?.map(::core::convert::Into::into),
                    version: value.version()?.map(::core::convert::Into::into),
                    device_class: value.device_class()?.map(::core::convert::Into::into),
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for OsdBootRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for OsdBootRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[OsdBootRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<OsdBoot>> for OsdBoot {
            type Value = ::planus::Offset<OsdBoot>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<OsdBoot>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for OsdBootRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[OsdBootRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `Addrs` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `Addrs` in the file `messenger/schema/kermes.fbs:29`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct Addrs {
            /// The field `addrs` in the table `Addrs`
            pub addrs: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for Addrs {
            fn default() -> Self {
                Self { addrs: ::core::default::Default::default() }
            }
        }

        impl Addrs {
            /// Creates a [AddrsBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> AddrsBuilder<()> {
                AddrsBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_addrs: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            ) -> ::planus::Offset<Self> {
                let prepared_addrs = field_addrs.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<6> =
                    ::core::default::Default::default();
                if prepared_addrs.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(0);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_addrs) = prepared_addrs {
                            object_writer.write::<_, _, 4>(&prepared_addrs);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<Addrs>> for Addrs {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Addrs> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<Addrs>> for Addrs {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<Addrs>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<Addrs> for Addrs {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Addrs> {
                Addrs::create(builder, &self.addrs)
            }
        }

        /// Builder for serializing an instance of the [Addrs] type.
        ///
        /// Can be created using the [Addrs::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct AddrsBuilder<State>(State);

        impl AddrsBuilder<()> {
            /// Setter for the [`addrs` field](Addrs#structfield.addrs).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn addrs<T0>(self, value: T0) -> AddrsBuilder<(T0,)>
            where
                T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                AddrsBuilder((value,))
            }

            /// Sets the [`addrs` field](Addrs#structfield.addrs) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn addrs_as_null(self) -> AddrsBuilder<((),)> {
                self.addrs(())
            }
        }

        impl<T0> AddrsBuilder<(T0,)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [Addrs].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<Addrs>
            where
                Self: ::planus::WriteAsOffset<Addrs>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>>
            ::planus::WriteAs<::planus::Offset<Addrs>> for AddrsBuilder<(T0,)>
        {
            type Prepared = ::planus::Offset<Addrs>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Addrs> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>>
            ::planus::WriteAsOptional<::planus::Offset<Addrs>> for AddrsBuilder<(T0,)>
        {
            type Prepared = ::planus::Offset<Addrs>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<Addrs>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>> ::planus::WriteAsOffset<Addrs>
            for AddrsBuilder<(T0,)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Addrs> {
                let (v0,) = &self.0;
                Addrs::create(builder, v0)
            }
        }

        /// Reference to a deserialized [Addrs].
        #[derive(Copy, Clone)]
        pub struct AddrsRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> AddrsRef<'a> {
            /// Getter for the [`addrs` field](Addrs#structfield.addrs).
            #[inline]
            pub fn addrs(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(0, "Addrs", "addrs")
            }
        }

        impl<'a> ::core::fmt::Debug for AddrsRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("AddrsRef");
                if let ::core::option::Option::Some(field_addrs) = self.addrs().transpose() {
                    f.field("addrs", &field_addrs);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<AddrsRef<'a>> for Addrs {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: AddrsRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self { addrs: value.addrs()?.map(|v| v.to_vec()) })
            }
        }

        impl<'a> ::planus::TableRead<'a> for AddrsRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for AddrsRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[AddrsRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<Addrs>> for Addrs {
            type Value = ::planus::Offset<Addrs>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<Addrs>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for AddrsRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[AddrsRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `OsdFailure` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `OsdFailure` in the file `messenger/schema/kermes.fbs:31`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct OsdFailure {
            /// The field `target` in the table `OsdFailure`
            pub target: u32,
            /// The field `reporter` in the table `OsdFailure`
            pub reporter: u32,
            /// The field `epoch` in the table `OsdFailure`
            pub epoch: u32,
            /// The field `failed_for_ms` in the table `OsdFailure`
            pub failed_for_ms: u64,
            /// The field `alive` in the table `OsdFailure`
            pub alive: bool,
            /// The field `target_up_from` in the table `OsdFailure`
            pub target_up_from: u32,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for OsdFailure {
            fn default() -> Self {
                Self {
                    target: 0,
                    reporter: 0,
                    epoch: 0,
                    failed_for_ms: 0,
                    alive: false,
                    target_up_from: 0,
                }
            }
        }

        impl OsdFailure {
            /// Creates a [OsdFailureBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> OsdFailureBuilder<()> {
                OsdFailureBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_target: impl ::planus::WriteAsDefault<u32, u32>,
                field_reporter: impl ::planus::WriteAsDefault<u32, u32>,
                field_epoch: impl ::planus::WriteAsDefault<u32, u32>,
                field_failed_for_ms: impl ::planus::WriteAsDefault<u64, u64>,
                field_alive: impl ::planus::WriteAsDefault<bool, bool>,
                field_target_up_from: impl ::planus::WriteAsDefault<u32, u32>,
            ) -> ::planus::Offset<Self> {
                let prepared_target = field_target.prepare(builder, &0);
                let prepared_reporter = field_reporter.prepare(builder, &0);
                let prepared_epoch = field_epoch.prepare(builder, &0);
                let prepared_failed_for_ms = field_failed_for_ms.prepare(builder, &0);
                let prepared_alive = field_alive.prepare(builder, &false);
                let prepared_target_up_from = field_target_up_from.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<16> =
                    ::core::default::Default::default();
                if prepared_failed_for_ms.is_some() {
                    table_writer.write_entry::<u64>(3);
                }
                if prepared_target.is_some() {
                    table_writer.write_entry::<u32>(0);
                }
                if prepared_reporter.is_some() {
                    table_writer.write_entry::<u32>(1);
                }
                if prepared_epoch.is_some() {
                    table_writer.write_entry::<u32>(2);
                }
                if prepared_target_up_from.is_some() {
                    table_writer.write_entry::<u32>(5);
                }
                if prepared_alive.is_some() {
                    table_writer.write_entry::<bool>(4);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_failed_for_ms) =
                            prepared_failed_for_ms
                        {
                            object_writer.write::<_, _, 8>(&prepared_failed_for_ms);
                        }
                        if let ::core::option::Option::Some(prepared_target) = prepared_target {
                            object_writer.write::<_, _, 4>(&prepared_target);
                        }
                        if let ::core::option::Option::Some(prepared_reporter) = prepared_reporter {
                            object_writer.write::<_, _, 4>(&prepared_reporter);
                        }
                        if let ::core::option::Option::Some(prepared_epoch) = prepared_epoch {
                            object_writer.write::<_, _, 4>(&prepared_epoch);
                        }
                        if let ::core::option::Option::Some(prepared_target_up_from) =
                            prepared_target_up_from
                        {
                            object_writer.write::<_, _, 4>(&prepared_target_up_from);
                        }
                        if let ::core::option::Option::Some(prepared_alive) = prepared_alive {
                            object_writer.write::<_, _, 1>(&prepared_alive);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<OsdFailure>> for OsdFailure {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdFailure> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<OsdFailure>> for OsdFailure {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<OsdFailure>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<OsdFailure> for OsdFailure {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdFailure> {
                OsdFailure::create(
                    builder,
                    self.target,
                    self.reporter,
                    self.epoch,
                    self.failed_for_ms,
                    self.alive,
                    self.target_up_from,
                )
            }
        }

        /// Builder for serializing an instance of the [OsdFailure] type.
        ///
        /// Can be created using the [OsdFailure::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct OsdFailureBuilder<State>(State);

        impl OsdFailureBuilder<()> {
            /// Setter for the [`target` field](OsdFailure#structfield.target).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn target<T0>(self, value: T0) -> OsdFailureBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u32, u32>,
            {
                OsdFailureBuilder((value,))
            }

            /// Sets the [`target` field](OsdFailure#structfield.target) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn target_as_default(self) -> OsdFailureBuilder<(::planus::DefaultValue,)> {
                self.target(::planus::DefaultValue)
            }
        }

        impl<T0> OsdFailureBuilder<(T0,)> {
            /// Setter for the [`reporter` field](OsdFailure#structfield.reporter).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reporter<T1>(self, value: T1) -> OsdFailureBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0,) = self.0;
                OsdFailureBuilder((v0, value))
            }

            /// Sets the [`reporter` field](OsdFailure#structfield.reporter) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reporter_as_default(self) -> OsdFailureBuilder<(T0, ::planus::DefaultValue)> {
                self.reporter(::planus::DefaultValue)
            }
        }

        impl<T0, T1> OsdFailureBuilder<(T0, T1)> {
            /// Setter for the [`epoch` field](OsdFailure#structfield.epoch).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch<T2>(self, value: T2) -> OsdFailureBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1) = self.0;
                OsdFailureBuilder((v0, v1, value))
            }

            /// Sets the [`epoch` field](OsdFailure#structfield.epoch) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch_as_default(self) -> OsdFailureBuilder<(T0, T1, ::planus::DefaultValue)> {
                self.epoch(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2> OsdFailureBuilder<(T0, T1, T2)> {
            /// Setter for the [`failed_for_ms` field](OsdFailure#structfield.failed_for_ms).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn failed_for_ms<T3>(self, value: T3) -> OsdFailureBuilder<(T0, T1, T2, T3)>
            where
                T3: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2) = self.0;
                OsdFailureBuilder((v0, v1, v2, value))
            }

            /// Sets the [`failed_for_ms` field](OsdFailure#structfield.failed_for_ms) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn failed_for_ms_as_default(
                self,
            ) -> OsdFailureBuilder<(T0, T1, T2, ::planus::DefaultValue)> {
                self.failed_for_ms(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3> OsdFailureBuilder<(T0, T1, T2, T3)> {
            /// Setter for the [`alive` field](OsdFailure#structfield.alive).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn alive<T4>(self, value: T4) -> OsdFailureBuilder<(T0, T1, T2, T3, T4)>
            where
                T4: ::planus::WriteAsDefault<bool, bool>,
            {
                let (v0, v1, v2, v3) = self.0;
                OsdFailureBuilder((v0, v1, v2, v3, value))
            }

            /// Sets the [`alive` field](OsdFailure#structfield.alive) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn alive_as_default(
                self,
            ) -> OsdFailureBuilder<(T0, T1, T2, T3, ::planus::DefaultValue)> {
                self.alive(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4> OsdFailureBuilder<(T0, T1, T2, T3, T4)> {
            /// Setter for the [`target_up_from` field](OsdFailure#structfield.target_up_from).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn target_up_from<T5>(
                self,
                value: T5,
            ) -> OsdFailureBuilder<(T0, T1, T2, T3, T4, T5)>
            where
                T5: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2, v3, v4) = self.0;
                OsdFailureBuilder((v0, v1, v2, v3, v4, value))
            }

            /// Sets the [`target_up_from` field](OsdFailure#structfield.target_up_from) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn target_up_from_as_default(
                self,
            ) -> OsdFailureBuilder<(T0, T1, T2, T3, T4, ::planus::DefaultValue)> {
                self.target_up_from(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5> OsdFailureBuilder<(T0, T1, T2, T3, T4, T5)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [OsdFailure].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdFailure>
            where
                Self: ::planus::WriteAsOffset<OsdFailure>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<u64, u64>,
                T4: ::planus::WriteAsDefault<bool, bool>,
                T5: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAs<::planus::Offset<OsdFailure>>
            for OsdFailureBuilder<(T0, T1, T2, T3, T4, T5)>
        {
            type Prepared = ::planus::Offset<OsdFailure>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdFailure> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<u64, u64>,
                T4: ::planus::WriteAsDefault<bool, bool>,
                T5: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOptional<::planus::Offset<OsdFailure>>
            for OsdFailureBuilder<(T0, T1, T2, T3, T4, T5)>
        {
            type Prepared = ::planus::Offset<OsdFailure>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<OsdFailure>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<u64, u64>,
                T4: ::planus::WriteAsDefault<bool, bool>,
                T5: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOffset<OsdFailure> for OsdFailureBuilder<(T0, T1, T2, T3, T4, T5)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdFailure> {
                let (v0, v1, v2, v3, v4, v5) = &self.0;
                OsdFailure::create(builder, v0, v1, v2, v3, v4, v5)
            }
        }

        /// Reference to a deserialized [OsdFailure].
        #[derive(Copy, Clone)]
        pub struct OsdFailureRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> OsdFailureRef<'a> {
            /// Getter for the [`target` field](OsdFailure#structfield.target).
            #[inline]
            pub fn target(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(0, "OsdFailure", "target")?.unwrap_or(0))
            }

            /// Getter for the [`reporter` field](OsdFailure#structfield.reporter).
            #[inline]
            pub fn reporter(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(1, "OsdFailure", "reporter")?.unwrap_or(0))
            }

            /// Getter for the [`epoch` field](OsdFailure#structfield.epoch).
            #[inline]
            pub fn epoch(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(2, "OsdFailure", "epoch")?.unwrap_or(0))
            }

            /// Getter for the [`failed_for_ms` field](OsdFailure#structfield.failed_for_ms).
            #[inline]
            pub fn failed_for_ms(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(3, "OsdFailure", "failed_for_ms")?.unwrap_or(0),
                )
            }

            /// Getter for the [`alive` field](OsdFailure#structfield.alive).
            #[inline]
            pub fn alive(&self) -> ::planus::Result<bool> {
                ::core::result::Result::Ok(
                    self.0.access(4, "OsdFailure", "alive")?.unwrap_or(false),
                )
            }

            /// Getter for the [`target_up_from` field](OsdFailure#structfield.target_up_from).
            #[inline]
            pub fn target_up_from(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(5, "OsdFailure", "target_up_from")?.unwrap_or(0),
                )
            }
        }

        impl<'a> ::core::fmt::Debug for OsdFailureRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("OsdFailureRef");
                f.field("target", &self.target());
                f.field("reporter", &self.reporter());
                f.field("epoch", &self.epoch());
                f.field("failed_for_ms", &self.failed_for_ms());
                f.field("alive", &self.alive());
                f.field("target_up_from", &self.target_up_from());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<OsdFailureRef<'a>> for OsdFailure {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: OsdFailureRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    target: ::core::convert::TryInto::try_into(value.target()?)?,
                    reporter: ::core::convert::TryInto::try_into(value.reporter()?)?,
                    epoch: ::core::convert::TryInto::try_into(value.epoch()?)?,
                    failed_for_ms: ::core::convert::TryInto::try_into(value.failed_for_ms()?)?,
                    alive: ::core::convert::TryInto::try_into(value.alive()?)?,
                    target_up_from: ::core::convert::TryInto::try_into(value.target_up_from()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for OsdFailureRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for OsdFailureRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[OsdFailureRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<OsdFailure>> for OsdFailure {
            type Value = ::planus::Offset<OsdFailure>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<OsdFailure>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for OsdFailureRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[OsdFailureRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `OsdStats` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `OsdStats` in the file `messenger/schema/kermes.fbs:42`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct OsdStats {
            /// The field `osd` in the table `OsdStats`
            pub osd: u32,
            /// The field `epoch` in the table `OsdStats`
            pub epoch: u32,
            /// The field `up_from` in the table `OsdStats`
            pub up_from: u32,
            /// The field `sequence` in the table `OsdStats`
            pub sequence: u64,
            /// The field `total_bytes` in the table `OsdStats`
            pub total_bytes: u64,
            /// The field `used_bytes` in the table `OsdStats`
            pub used_bytes: u64,
            /// The field `available_bytes` in the table `OsdStats`
            pub available_bytes: u64,
            /// The field `commit_latency_us` in the table `OsdStats`
            pub commit_latency_us: u32,
            /// The field `apply_latency_us` in the table `OsdStats`
            pub apply_latency_us: u32,
            /// The field `pgs` in the table `OsdStats`
            pub pgs: ::core::option::Option<::planus::alloc::vec::Vec<self::PgStat>>,
            /// The field `slow_ops` in the table `OsdStats`
            pub slow_ops: u32,
            /// The field `slow_op_oldest_ms` in the table `OsdStats`
            pub slow_op_oldest_ms: u64,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for OsdStats {
            fn default() -> Self {
                Self {
                    osd: 0,
                    epoch: 0,
                    up_from: 0,
                    sequence: 0,
                    total_bytes: 0,
                    used_bytes: 0,
                    available_bytes: 0,
                    commit_latency_us: 0,
                    apply_latency_us: 0,
                    pgs: ::core::default::Default::default(),
                    slow_ops: 0,
                    slow_op_oldest_ms: 0,
                }
            }
        }

        impl OsdStats {
            /// Creates a [OsdStatsBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> OsdStatsBuilder<()> {
                OsdStatsBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_osd: impl ::planus::WriteAsDefault<u32, u32>,
                field_epoch: impl ::planus::WriteAsDefault<u32, u32>,
                field_up_from: impl ::planus::WriteAsDefault<u32, u32>,
                field_sequence: impl ::planus::WriteAsDefault<u64, u64>,
                field_total_bytes: impl ::planus::WriteAsDefault<u64, u64>,
                field_used_bytes: impl ::planus::WriteAsDefault<u64, u64>,
                field_available_bytes: impl ::planus::WriteAsDefault<u64, u64>,
                field_commit_latency_us: impl ::planus::WriteAsDefault<u32, u32>,
                field_apply_latency_us: impl ::planus::WriteAsDefault<u32, u32>,
                field_pgs: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::PgStat>]>,
                >,
                field_slow_ops: impl ::planus::WriteAsDefault<u32, u32>,
                field_slow_op_oldest_ms: impl ::planus::WriteAsDefault<u64, u64>,
            ) -> ::planus::Offset<Self> {
                let prepared_osd = field_osd.prepare(builder, &0);
                let prepared_epoch = field_epoch.prepare(builder, &0);
                let prepared_up_from = field_up_from.prepare(builder, &0);
                let prepared_sequence = field_sequence.prepare(builder, &0);
                let prepared_total_bytes = field_total_bytes.prepare(builder, &0);
                let prepared_used_bytes = field_used_bytes.prepare(builder, &0);
                let prepared_available_bytes = field_available_bytes.prepare(builder, &0);
                let prepared_commit_latency_us = field_commit_latency_us.prepare(builder, &0);
                let prepared_apply_latency_us = field_apply_latency_us.prepare(builder, &0);
                let prepared_pgs = field_pgs.prepare(builder);
                let prepared_slow_ops = field_slow_ops.prepare(builder, &0);
                let prepared_slow_op_oldest_ms = field_slow_op_oldest_ms.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<28> =
                    ::core::default::Default::default();
                if prepared_sequence.is_some() {
                    table_writer.write_entry::<u64>(3);
                }
                if prepared_total_bytes.is_some() {
                    table_writer.write_entry::<u64>(4);
                }
                if prepared_used_bytes.is_some() {
                    table_writer.write_entry::<u64>(5);
                }
                if prepared_available_bytes.is_some() {
                    table_writer.write_entry::<u64>(6);
                }
                if prepared_slow_op_oldest_ms.is_some() {
                    table_writer.write_entry::<u64>(11);
                }
                if prepared_osd.is_some() {
                    table_writer.write_entry::<u32>(0);
                }
                if prepared_epoch.is_some() {
                    table_writer.write_entry::<u32>(1);
                }
                if prepared_up_from.is_some() {
                    table_writer.write_entry::<u32>(2);
                }
                if prepared_commit_latency_us.is_some() {
                    table_writer.write_entry::<u32>(7);
                }
                if prepared_apply_latency_us.is_some() {
                    table_writer.write_entry::<u32>(8);
                }
                if prepared_pgs.is_some() {
                    table_writer
                        .write_entry::<::planus::Offset<[::planus::Offset<self::PgStat>]>>(9);
                }
                if prepared_slow_ops.is_some() {
                    table_writer.write_entry::<u32>(10);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_sequence) = prepared_sequence {
                            object_writer.write::<_, _, 8>(&prepared_sequence);
                        }
                        if let ::core::option::Option::Some(prepared_total_bytes) =
                            prepared_total_bytes
                        {
                            object_writer.write::<_, _, 8>(&prepared_total_bytes);
                        }
                        if let ::core::option::Option::Some(prepared_used_bytes) =
                            prepared_used_bytes
                        {
                            object_writer.write::<_, _, 8>(&prepared_used_bytes);
                        }
                        if let ::core::option::Option::Some(prepared_available_bytes) =
                            prepared_available_bytes
                        {
                            object_writer.write::<_, _, 8>(&prepared_available_bytes);
                        }
                        if let ::core::option::Option::Some(prepared_slow_op_oldest_ms) =
                            prepared_slow_op_oldest_ms
                        {
                            object_writer.write::<_, _, 8>(&prepared_slow_op_oldest_ms);
                        }
                        if let ::core::option::Option::Some(prepared_osd) = prepared_osd {
                            object_writer.write::<_, _, 4>(&prepared_osd);
                        }
                        if let ::core::option::Option::Some(prepared_epoch) = prepared_epoch {
                            object_writer.write::<_, _, 4>(&prepared_epoch);
                        }
                        if let ::core::option::Option::Some(prepared_up_from) = prepared_up_from {
                            object_writer.write::<_, _, 4>(&prepared_up_from);
                        }
                        if let ::core::option::Option::Some(prepared_commit_latency_us) =
                            prepared_commit_latency_us
                        {
                            object_writer.write::<_, _, 4>(&prepared_commit_latency_us);
                        }
                        if let ::core::option::Option::Some(prepared_apply_latency_us) =
                            prepared_apply_latency_us
                        {
                            object_writer.write::<_, _, 4>(&prepared_apply_latency_us);
                        }
                        if let ::core::option::Option::Some(prepared_pgs) = prepared_pgs {
                            object_writer.write::<_, _, 4>(&prepared_pgs);
                        }
                        if let ::core::option::Option::Some(prepared_slow_ops) = prepared_slow_ops {
                            object_writer.write::<_, _, 4>(&prepared_slow_ops);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<OsdStats>> for OsdStats {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdStats> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<OsdStats>> for OsdStats {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<OsdStats>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<OsdStats> for OsdStats {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdStats> {
                OsdStats::create(
                    builder,
                    self.osd,
                    self.epoch,
                    self.up_from,
                    self.sequence,
                    self.total_bytes,
                    self.used_bytes,
                    self.available_bytes,
                    self.commit_latency_us,
                    self.apply_latency_us,
                    &self.pgs,
                    self.slow_ops,
                    self.slow_op_oldest_ms,
                )
            }
        }

        /// Builder for serializing an instance of the [OsdStats] type.
        ///
        /// Can be created using the [OsdStats::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct OsdStatsBuilder<State>(State);

        impl OsdStatsBuilder<()> {
            /// Setter for the [`osd` field](OsdStats#structfield.osd).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd<T0>(self, value: T0) -> OsdStatsBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u32, u32>,
            {
                OsdStatsBuilder((value,))
            }

            /// Sets the [`osd` field](OsdStats#structfield.osd) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd_as_default(self) -> OsdStatsBuilder<(::planus::DefaultValue,)> {
                self.osd(::planus::DefaultValue)
            }
        }

        impl<T0> OsdStatsBuilder<(T0,)> {
            /// Setter for the [`epoch` field](OsdStats#structfield.epoch).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch<T1>(self, value: T1) -> OsdStatsBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0,) = self.0;
                OsdStatsBuilder((v0, value))
            }

            /// Sets the [`epoch` field](OsdStats#structfield.epoch) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch_as_default(self) -> OsdStatsBuilder<(T0, ::planus::DefaultValue)> {
                self.epoch(::planus::DefaultValue)
            }
        }

        impl<T0, T1> OsdStatsBuilder<(T0, T1)> {
            /// Setter for the [`up_from` field](OsdStats#structfield.up_from).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn up_from<T2>(self, value: T2) -> OsdStatsBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1) = self.0;
                OsdStatsBuilder((v0, v1, value))
            }

            /// Sets the [`up_from` field](OsdStats#structfield.up_from) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn up_from_as_default(self) -> OsdStatsBuilder<(T0, T1, ::planus::DefaultValue)> {
                self.up_from(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2> OsdStatsBuilder<(T0, T1, T2)> {
            /// Setter for the [`sequence` field](OsdStats#structfield.sequence).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn sequence<T3>(self, value: T3) -> OsdStatsBuilder<(T0, T1, T2, T3)>
            where
                T3: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2) = self.0;
                OsdStatsBuilder((v0, v1, v2, value))
            }

            /// Sets the [`sequence` field](OsdStats#structfield.sequence) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn sequence_as_default(
                self,
            ) -> OsdStatsBuilder<(T0, T1, T2, ::planus::DefaultValue)> {
                self.sequence(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3> OsdStatsBuilder<(T0, T1, T2, T3)> {
            /// Setter for the [`total_bytes` field](OsdStats#structfield.total_bytes).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn total_bytes<T4>(self, value: T4) -> OsdStatsBuilder<(T0, T1, T2, T3, T4)>
            where
                T4: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3) = self.0;
                OsdStatsBuilder((v0, v1, v2, v3, value))
            }

            /// Sets the [`total_bytes` field](OsdStats#structfield.total_bytes) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn total_bytes_as_default(
                self,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, ::planus::DefaultValue)> {
                self.total_bytes(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4> OsdStatsBuilder<(T0, T1, T2, T3, T4)> {
            /// Setter for the [`used_bytes` field](OsdStats#structfield.used_bytes).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn used_bytes<T5>(self, value: T5) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5)>
            where
                T5: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4) = self.0;
                OsdStatsBuilder((v0, v1, v2, v3, v4, value))
            }

            /// Sets the [`used_bytes` field](OsdStats#structfield.used_bytes) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn used_bytes_as_default(
                self,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, ::planus::DefaultValue)> {
                self.used_bytes(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5)> {
            /// Setter for the [`available_bytes` field](OsdStats#structfield.available_bytes).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn available_bytes<T6>(
                self,
                value: T6,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6)>
            where
                T6: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5) = self.0;
                OsdStatsBuilder((v0, v1, v2, v3, v4, v5, value))
            }

            /// Sets the [`available_bytes` field](OsdStats#structfield.available_bytes) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn available_bytes_as_default(
                self,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, ::planus::DefaultValue)> {
                self.available_bytes(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6)> {
            /// Setter for the [`commit_latency_us` field](OsdStats#structfield.commit_latency_us).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn commit_latency_us<T7>(
                self,
                value: T7,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7)>
            where
                T7: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2, v3, v4, v5, v6) = self.0;
                OsdStatsBuilder((v0, v1, v2, v3, v4, v5, v6, value))
            }

            /// Sets the [`commit_latency_us` field](OsdStats#structfield.commit_latency_us) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn commit_latency_us_as_default(
                self,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, ::planus::DefaultValue)> {
                self.commit_latency_us(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7)> {
            /// Setter for the [`apply_latency_us` field](OsdStats#structfield.apply_latency_us).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn apply_latency_us<T8>(
                self,
                value: T8,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8)>
            where
                T8: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7) = self.0;
                OsdStatsBuilder((v0, v1, v2, v3, v4, v5, v6, v7, value))
            }

            /// Sets the [`apply_latency_us` field](OsdStats#structfield.apply_latency_us) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn apply_latency_us_as_default(
                self,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, ::planus::DefaultValue)>
            {
                self.apply_latency_us(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8)> {
            /// Setter for the [`pgs` field](OsdStats#structfield.pgs).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn pgs<T9>(
                self,
                value: T9,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9)>
            where
                T9: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::PgStat>]>>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8) = self.0;
                OsdStatsBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, value))
            }

            /// Sets the [`pgs` field](OsdStats#structfield.pgs) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn pgs_as_null(self) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, ())> {
                self.pgs(())
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9>
            OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9)>
        {
            /// Setter for the [`slow_ops` field](OsdStats#structfield.slow_ops).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn slow_ops<T10>(
                self,
                value: T10,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)>
            where
                T10: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9) = self.0;
                OsdStatsBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, value))
            }

            /// Sets the [`slow_ops` field](OsdStats#structfield.slow_ops) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn slow_ops_as_default(
                self,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, ::planus::DefaultValue)>
            {
                self.slow_ops(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>
            OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)>
        {
            /// Setter for the [`slow_op_oldest_ms` field](OsdStats#structfield.slow_op_oldest_ms).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn slow_op_oldest_ms<T11>(
                self,
                value: T11,
            ) -> OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11)>
            where
                T11: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10) = self.0;
                OsdStatsBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, value))
            }

            /// Sets the [`slow_op_oldest_ms` field](OsdStats#structfield.slow_op_oldest_ms) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn slow_op_oldest_ms_as_default(
                self,
            ) -> OsdStatsBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                ::planus::DefaultValue,
            )> {
                self.slow_op_oldest_ms(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11>
            OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11)>
        {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [OsdStats].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdStats>
            where
                Self: ::planus::WriteAsOffset<OsdStats>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<u64, u64>,
                T4: ::planus::WriteAsDefault<u64, u64>,
                T5: ::planus::WriteAsDefault<u64, u64>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsDefault<u32, u32>,
                T8: ::planus::WriteAsDefault<u32, u32>,
                T9: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::PgStat>]>>,
                T10: ::planus::WriteAsDefault<u32, u32>,
                T11: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAs<::planus::Offset<OsdStats>>
            for OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11)>
        {
            type Prepared = ::planus::Offset<OsdStats>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdStats> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<u64, u64>,
                T4: ::planus::WriteAsDefault<u64, u64>,
                T5: ::planus::WriteAsDefault<u64, u64>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsDefault<u32, u32>,
                T8: ::planus::WriteAsDefault<u32, u32>,
                T9: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::PgStat>]>>,
                T10: ::planus::WriteAsDefault<u32, u32>,
                T11: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAsOptional<::planus::Offset<OsdStats>>
            for OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11)>
        {
            type Prepared = ::planus::Offset<OsdStats>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<OsdStats>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<u64, u64>,
                T4: ::planus::WriteAsDefault<u64, u64>,
                T5: ::planus::WriteAsDefault<u64, u64>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsDefault<u32, u32>,
                T8: ::planus::WriteAsDefault<u32, u32>,
                T9: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::PgStat>]>>,
                T10: ::planus::WriteAsDefault<u32, u32>,
                T11: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAsOffset<OsdStats>
            for OsdStatsBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdStats> {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11) = &self.0;
                OsdStats::create(builder, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11)
            }
        }

        /// Reference to a deserialized [OsdStats].
        #[derive(Copy, Clone)]
        pub struct OsdStatsRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> OsdStatsRef<'a> {
            /// Getter for the [`osd` field](OsdStats#structfield.osd).
            #[inline]
            pub fn osd(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(0, "OsdStats", "osd")?.unwrap_or(0))
            }

            /// Getter for the [`epoch` field](OsdStats#structfield.epoch).
            #[inline]
            pub fn epoch(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(1, "OsdStats", "epoch")?.unwrap_or(0))
            }

            /// Getter for the [`up_from` field](OsdStats#structfield.up_from).
            #[inline]
            pub fn up_from(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(2, "OsdStats", "up_from")?.unwrap_or(0))
            }

            /// Getter for the [`sequence` field](OsdStats#structfield.sequence).
            #[inline]
            pub fn sequence(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(3, "OsdStats", "sequence")?.unwrap_or(0))
            }

            /// Getter for the [`total_bytes` field](OsdStats#structfield.total_bytes).
            #[inline]
            pub fn total_bytes(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(4, "OsdStats", "total_bytes")?.unwrap_or(0),
                )
            }

            /// Getter for the [`used_bytes` field](OsdStats#structfield.used_bytes).
            #[inline]
            pub fn used_bytes(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(5, "OsdStats", "used_bytes")?.unwrap_or(0))
            }

            /// Getter for the [`available_bytes` field](OsdStats#structfield.available_bytes).
            #[inline]
            pub fn available_bytes(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(6, "OsdStats", "available_bytes")?.unwrap_or(0),
                )
            }

            /// Getter for the [`commit_latency_us` field](OsdStats#structfield.commit_latency_us).
            #[inline]
            pub fn commit_latency_us(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(7, "OsdStats", "commit_latency_us")?.unwrap_or(0),
                )
            }

            /// Getter for the [`apply_latency_us` field](OsdStats#structfield.apply_latency_us).
            #[inline]
            pub fn apply_latency_us(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(8, "OsdStats", "apply_latency_us")?.unwrap_or(0),
                )
            }

            /// Getter for the [`pgs` field](OsdStats#structfield.pgs).
            #[inline]
            pub fn pgs(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<::planus::Vector<'a, ::planus::Result<self::PgStatRef<'a>>>>,
            > {
                self.0.access(9, "OsdStats", "pgs")
            }

            /// Getter for the [`slow_ops` field](OsdStats#structfield.slow_ops).
            #[inline]
            pub fn slow_ops(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(10, "OsdStats", "slow_ops")?.unwrap_or(0))
            }

            /// Getter for the [`slow_op_oldest_ms` field](OsdStats#structfield.slow_op_oldest_ms).
            #[inline]
            pub fn slow_op_oldest_ms(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(11, "OsdStats", "slow_op_oldest_ms")?.unwrap_or(0),
                )
            }
        }

        impl<'a> ::core::fmt::Debug for OsdStatsRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("OsdStatsRef");
                f.field("osd", &self.osd());
                f.field("epoch", &self.epoch());
                f.field("up_from", &self.up_from());
                f.field("sequence", &self.sequence());
                f.field("total_bytes", &self.total_bytes());
                f.field("used_bytes", &self.used_bytes());
                f.field("available_bytes", &self.available_bytes());
                f.field("commit_latency_us", &self.commit_latency_us());
                f.field("apply_latency_us", &self.apply_latency_us());
                if let ::core::option::Option::Some(field_pgs) = self.pgs().transpose() {
                    f.field("pgs", &field_pgs);
                }
                f.field("slow_ops", &self.slow_ops());
                f.field("slow_op_oldest_ms", &self.slow_op_oldest_ms());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<OsdStatsRef<'a>> for OsdStats {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: OsdStatsRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    osd: ::core::convert::TryInto::try_into(value.osd()?)?,
                    epoch: ::core::convert::TryInto::try_into(value.epoch()?)?,
                    up_from: ::core::convert::TryInto::try_into(value.up_from()?)?,
                    sequence: ::core::convert::TryInto::try_into(value.sequence()?)?,
                    total_bytes: ::core::convert::TryInto::try_into(value.total_bytes()?)?,
                    used_bytes: ::core::convert::TryInto::try_into(value.used_bytes()?)?,
                    available_bytes: ::core::convert::TryInto::try_into(value.available_bytes()?)?,
                    commit_latency_us: ::core::convert::TryInto::try_into(
                        value.commit_latency_us()?,
                    )?,
                    apply_latency_us: ::core::convert::TryInto::try_into(
                        value.apply_latency_us()?,
                    )?,
                    pgs: if let ::core::option::Option::Some(pgs) = value.pgs()? {
                        ::core::option::Option::Some(pgs.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                    slow_ops: ::core::convert::TryInto::try_into(value.slow_ops()?)?,
                    slow_op_oldest_ms: ::core::convert::TryInto::try_into(
                        value.slow_op_oldest_ms()?,
                    )?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for OsdStatsRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for OsdStatsRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[OsdStatsRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<OsdStats>> for OsdStats {
            type Value = ::planus::Offset<OsdStats>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<OsdStats>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for OsdStatsRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[OsdStatsRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PgStat` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PgStat` in the file `messenger/schema/kermes.fbs:58`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgStat {
            /// The field `pool` in the table `PgStat`
            pub pool: i64,
            /// The field `seed` in the table `PgStat`
            pub seed: u32,
            /// The field `state` in the table `PgStat`
            pub state: u64,
            /// The field `version` in the table `PgStat`
            pub version: u64,
            /// The field `version_epoch` in the table `PgStat`
            pub version_epoch: u32,
            /// The field `reported_epoch` in the table `PgStat`
            pub reported_epoch: u32,
            /// The field `reported_sequence` in the table `PgStat`
            pub reported_sequence: u64,
            /// The field `last_clean_epoch` in the table `PgStat`
            pub last_clean_epoch: u32,
            /// The field `interval_first` in the table `PgStat`
            pub interval_first: u32,
            /// The field `log_entries` in the table `PgStat`
            pub log_entries: u64,
            /// The field `up` in the table `PgStat`
            pub up: ::core::option::Option<::planus::alloc::vec::Vec<u32>>,
            /// The field `acting` in the table `PgStat`
            pub acting: ::core::option::Option<::planus::alloc::vec::Vec<u32>>,
            /// The field `up_primary` in the table `PgStat`
            pub up_primary: i32,
            /// The field `acting_primary` in the table `PgStat`
            pub acting_primary: i32,
            /// The field `objects` in the table `PgStat`
            pub objects: u64,
            /// The field `bytes` in the table `PgStat`
            pub bytes: u64,
            /// The field `omap_bytes` in the table `PgStat`
            pub omap_bytes: u64,
            /// The field `omap_keys` in the table `PgStat`
            pub omap_keys: u64,
            /// The field `reads` in the table `PgStat`
            pub reads: u64,
            /// The field `read_kb` in the table `PgStat`
            pub read_kb: u64,
            /// The field `writes` in the table `PgStat`
            pub writes: u64,
            /// The field `write_kb` in the table `PgStat`
            pub write_kb: u64,
            /// The field `objects_degraded` in the table `PgStat`
            pub objects_degraded: u64,
            /// The field `objects_misplaced` in the table `PgStat`
            pub objects_misplaced: u64,
            /// The field `objects_missing` in the table `PgStat`
            pub objects_missing: u64,
            /// The field `objects_unfound` in the table `PgStat`
            pub objects_unfound: u64,
            /// The field `objects_recovered` in the table `PgStat`
            pub objects_recovered: u64,
            /// The field `bytes_recovered` in the table `PgStat`
            pub bytes_recovered: u64,
            /// The field `scrub_errors` in the table `PgStat`
            pub scrub_errors: u64,
            /// The field `state_since_sec` in the table `PgStat`
            pub state_since_sec: u32,
            /// The field `stored_bytes` in the table `PgStat`
            pub stored_bytes: u64,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PgStat {
            fn default() -> Self {
                Self {
                    pool: 0,
                    seed: 0,
                    state: 0,
                    version: 0,
                    version_epoch: 0,
                    reported_epoch: 0,
                    reported_sequence: 0,
                    last_clean_epoch: 0,
                    interval_first: 0,
                    log_entries: 0,
                    up: ::core::default::Default::default(),
                    acting: ::core::default::Default::default(),
                    up_primary: -1,
                    acting_primary: -1,
                    objects: 0,
                    bytes: 0,
                    omap_bytes: 0,
                    omap_keys: 0,
                    reads: 0,
                    read_kb: 0,
                    writes: 0,
                    write_kb: 0,
                    objects_degraded: 0,
                    objects_misplaced: 0,
                    objects_missing: 0,
                    objects_unfound: 0,
                    objects_recovered: 0,
                    bytes_recovered: 0,
                    scrub_errors: 0,
                    state_since_sec: 0,
                    stored_bytes: 0,
                }
            }
        }

        impl PgStat {
            /// Creates a [PgStatBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PgStatBuilder<()> {
                PgStatBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_pool: impl ::planus::WriteAsDefault<i64, i64>,
                field_seed: impl ::planus::WriteAsDefault<u32, u32>,
                field_state: impl ::planus::WriteAsDefault<u64, u64>,
                field_version: impl ::planus::WriteAsDefault<u64, u64>,
                field_version_epoch: impl ::planus::WriteAsDefault<u32, u32>,
                field_reported_epoch: impl ::planus::WriteAsDefault<u32, u32>,
                field_reported_sequence: impl ::planus::WriteAsDefault<u64, u64>,
                field_last_clean_epoch: impl ::planus::WriteAsDefault<u32, u32>,
                field_interval_first: impl ::planus::WriteAsDefault<u32, u32>,
                field_log_entries: impl ::planus::WriteAsDefault<u64, u64>,
                field_up: impl ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                field_acting: impl ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                field_up_primary: impl ::planus::WriteAsDefault<i32, i32>,
                field_acting_primary: impl ::planus::WriteAsDefault<i32, i32>,
                field_objects: impl ::planus::WriteAsDefault<u64, u64>,
                field_bytes: impl ::planus::WriteAsDefault<u64, u64>,
                field_omap_bytes: impl ::planus::WriteAsDefault<u64, u64>,
                field_omap_keys: impl ::planus::WriteAsDefault<u64, u64>,
                field_reads: impl ::planus::WriteAsDefault<u64, u64>,
                field_read_kb: impl ::planus::WriteAsDefault<u64, u64>,
                field_writes: impl ::planus::WriteAsDefault<u64, u64>,
                field_write_kb: impl ::planus::WriteAsDefault<u64, u64>,
                field_objects_degraded: impl ::planus::WriteAsDefault<u64, u64>,
                field_objects_misplaced: impl ::planus::WriteAsDefault<u64, u64>,
                field_objects_missing: impl ::planus::WriteAsDefault<u64, u64>,
                field_objects_unfound: impl ::planus::WriteAsDefault<u64, u64>,
                field_objects_recovered: impl ::planus::WriteAsDefault<u64, u64>,
                field_bytes_recovered: impl ::planus::WriteAsDefault<u64, u64>,
                field_scrub_errors: impl ::planus::WriteAsDefault<u64, u64>,
                field_state_since_sec: impl ::planus::WriteAsDefault<u32, u32>,
                field_stored_bytes: impl ::planus::WriteAsDefault<u64, u64>,
            ) -> ::planus::Offset<Self> {
                let prepared_pool = field_pool.prepare(builder, &0);
                let prepared_seed = field_seed.prepare(builder, &0);
                let prepared_state = field_state.prepare(builder, &0);
                let prepared_version = field_version.prepare(builder, &0);
                let prepared_version_epoch = field_version_epoch.prepare(builder, &0);
                let prepared_reported_epoch = field_reported_epoch.prepare(builder, &0);
                let prepared_reported_sequence = field_reported_sequence.prepare(builder, &0);
                let prepared_last_clean_epoch = field_last_clean_epoch.prepare(builder, &0);
                let prepared_interval_first = field_interval_first.prepare(builder, &0);
                let prepared_log_entries = field_log_entries.prepare(builder, &0);
                let prepared_up = field_up.prepare(builder);
                let prepared_acting = field_acting.prepare(builder);
                let prepared_up_primary = field_up_primary.prepare(builder, &-1);
                let prepared_acting_primary = field_acting_primary.prepare(builder, &-1);
                let prepared_objects = field_objects.prepare(builder, &0);
                let prepared_bytes = field_bytes.prepare(builder, &0);
                let prepared_omap_bytes = field_omap_bytes.prepare(builder, &0);
                let prepared_omap_keys = field_omap_keys.prepare(builder, &0);
                let prepared_reads = field_reads.prepare(builder, &0);
                let prepared_read_kb = field_read_kb.prepare(builder, &0);
                let prepared_writes = field_writes.prepare(builder, &0);
                let prepared_write_kb = field_write_kb.prepare(builder, &0);
                let prepared_objects_degraded = field_objects_degraded.prepare(builder, &0);
                let prepared_objects_misplaced = field_objects_misplaced.prepare(builder, &0);
                let prepared_objects_missing = field_objects_missing.prepare(builder, &0);
                let prepared_objects_unfound = field_objects_unfound.prepare(builder, &0);
                let prepared_objects_recovered = field_objects_recovered.prepare(builder, &0);
                let prepared_bytes_recovered = field_bytes_recovered.prepare(builder, &0);
                let prepared_scrub_errors = field_scrub_errors.prepare(builder, &0);
                let prepared_state_since_sec = field_state_since_sec.prepare(builder, &0);
                let prepared_stored_bytes = field_stored_bytes.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<66> =
                    ::core::default::Default::default();
                if prepared_pool.is_some() {
                    table_writer.write_entry::<i64>(0);
                }
                if prepared_state.is_some() {
                    table_writer.write_entry::<u64>(2);
                }
                if prepared_version.is_some() {
                    table_writer.write_entry::<u64>(3);
                }
                if prepared_reported_sequence.is_some() {
                    table_writer.write_entry::<u64>(6);
                }
                if prepared_log_entries.is_some() {
                    table_writer.write_entry::<u64>(9);
                }
                if prepared_objects.is_some() {
                    table_writer.write_entry::<u64>(14);
                }
                if prepared_bytes.is_some() {
                    table_writer.write_entry::<u64>(15);
                }
                if prepared_omap_bytes.is_some() {
                    table_writer.write_entry::<u64>(16);
                }
                if prepared_omap_keys.is_some() {
                    table_writer.write_entry::<u64>(17);
                }
                if prepared_reads.is_some() {
                    table_writer.write_entry::<u64>(18);
                }
                if prepared_read_kb.is_some() {
                    table_writer.write_entry::<u64>(19);
                }
                if prepared_writes.is_some() {
                    table_writer.write_entry::<u64>(20);
                }
                if prepared_write_kb.is_some() {
                    table_writer.write_entry::<u64>(21);
                }
                if prepared_objects_degraded.is_some() {
                    table_writer.write_entry::<u64>(22);
                }
                if prepared_objects_misplaced.is_some() {
                    table_writer.write_entry::<u64>(23);
                }
                if prepared_objects_missing.is_some() {
                    table_writer.write_entry::<u64>(24);
                }
                if prepared_objects_unfound.is_some() {
                    table_writer.write_entry::<u64>(25);
                }
                if prepared_objects_recovered.is_some() {
                    table_writer.write_entry::<u64>(26);
                }
                if prepared_bytes_recovered.is_some() {
                    table_writer.write_entry::<u64>(27);
                }
                if prepared_scrub_errors.is_some() {
                    table_writer.write_entry::<u64>(28);
                }
                if prepared_stored_bytes.is_some() {
                    table_writer.write_entry::<u64>(30);
                }
                if prepared_seed.is_some() {
                    table_writer.write_entry::<u32>(1);
                }
                if prepared_version_epoch.is_some() {
                    table_writer.write_entry::<u32>(4);
                }
                if prepared_reported_epoch.is_some() {
                    table_writer.write_entry::<u32>(5);
                }
                if prepared_last_clean_epoch.is_some() {
                    table_writer.write_entry::<u32>(7);
                }
                if prepared_interval_first.is_some() {
                    table_writer.write_entry::<u32>(8);
                }
                if prepared_up.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u32]>>(10);
                }
                if prepared_acting.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u32]>>(11);
                }
                if prepared_up_primary.is_some() {
                    table_writer.write_entry::<i32>(12);
                }
                if prepared_acting_primary.is_some() {
                    table_writer.write_entry::<i32>(13);
                }
                if prepared_state_since_sec.is_some() {
                    table_writer.write_entry::<u32>(29);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_pool) = prepared_pool {
                            object_writer.write::<_, _, 8>(&prepared_pool);
                        }
                        if let ::core::option::Option::Some(prepared_state) = prepared_state {
                            object_writer.write::<_, _, 8>(&prepared_state);
                        }
                        if let ::core::option::Option::Some(prepared_version) = prepared_version {
                            object_writer.write::<_, _, 8>(&prepared_version);
                        }
                        if let ::core::option::Option::Some(prepared_reported_sequence) =
                            prepared_reported_sequence
                        {
                            object_writer.write::<_, _, 8>(&prepared_reported_sequence);
                        }
                        if let ::core::option::Option::Some(prepared_log_entries) =
                            prepared_log_entries
                        {
                            object_writer.write::<_, _, 8>(&prepared_log_entries);
                        }
                        if let ::core::option::Option::Some(prepared_objects) = prepared_objects {
                            object_writer.write::<_, _, 8>(&prepared_objects);
                        }
                        if let ::core::option::Option::Some(prepared_bytes) = prepared_bytes {
                            object_writer.write::<_, _, 8>(&prepared_bytes);
                        }
                        if let ::core::option::Option::Some(prepared_omap_bytes) =
                            prepared_omap_bytes
                        {
                            object_writer.write::<_, _, 8>(&prepared_omap_bytes);
                        }
                        if let ::core::option::Option::Some(prepared_omap_keys) = prepared_omap_keys
                        {
                            object_writer.write::<_, _, 8>(&prepared_omap_keys);
                        }
                        if let ::core::option::Option::Some(prepared_reads) = prepared_reads {
                            object_writer.write::<_, _, 8>(&prepared_reads);
                        }
                        if let ::core::option::Option::Some(prepared_read_kb) = prepared_read_kb {
                            object_writer.write::<_, _, 8>(&prepared_read_kb);
                        }
                        if let ::core::option::Option::Some(prepared_writes) = prepared_writes {
                            object_writer.write::<_, _, 8>(&prepared_writes);
                        }
                        if let ::core::option::Option::Some(prepared_write_kb) = prepared_write_kb {
                            object_writer.write::<_, _, 8>(&prepared_write_kb);
                        }
                        if let ::core::option::Option::Some(prepared_objects_degraded) =
                            prepared_objects_degraded
                        {
                            object_writer.write::<_, _, 8>(&prepared_objects_degraded);
                        }
                        if let ::core::option::Option::Some(prepared_objects_misplaced) =
                            prepared_objects_misplaced
                        {
                            object_writer.write::<_, _, 8>(&prepared_objects_misplaced);
                        }
                        if let ::core::option::Option::Some(prepared_objects_missing) =
                            prepared_objects_missing
                        {
                            object_writer.write::<_, _, 8>(&prepared_objects_missing);
                        }
                        if let ::core::option::Option::Some(prepared_objects_unfound) =
                            prepared_objects_unfound
                        {
                            object_writer.write::<_, _, 8>(&prepared_objects_unfound);
                        }
                        if let ::core::option::Option::Some(prepared_objects_recovered) =
                            prepared_objects_recovered
                        {
                            object_writer.write::<_, _, 8>(&prepared_objects_recovered);
                        }
                        if let ::core::option::Option::Some(prepared_bytes_recovered) =
                            prepared_bytes_recovered
                        {
                            object_writer.write::<_, _, 8>(&prepared_bytes_recovered);
                        }
                        if let ::core::option::Option::Some(prepared_scrub_errors) =
                            prepared_scrub_errors
                        {
                            object_writer.write::<_, _, 8>(&prepared_scrub_errors);
                        }
                        if let ::core::option::Option::Some(prepared_stored_bytes) =
                            prepared_stored_bytes
                        {
                            object_writer.write::<_, _, 8>(&prepared_stored_bytes);
                        }
                        if let ::core::option::Option::Some(prepared_seed) = prepared_seed {
                            object_writer.write::<_, _, 4>(&prepared_seed);
                        }
                        if let ::core::option::Option::Some(prepared_version_epoch) =
                            prepared_version_epoch
                        {
                            object_writer.write::<_, _, 4>(&prepared_version_epoch);
                        }
                        if let ::core::option::Option::Some(prepared_reported_epoch) =
                            prepared_reported_epoch
                        {
                            object_writer.write::<_, _, 4>(&prepared_reported_epoch);
                        }
                        if let ::core::option::Option::Some(prepared_last_clean_epoch) =
                            prepared_last_clean_epoch
                        {
                            object_writer.write::<_, _, 4>(&prepared_last_clean_epoch);
                        }
                        if let ::core::option::Option::Some(prepared_interval_first) =
                            prepared_interval_first
                        {
                            object_writer.write::<_, _, 4>(&prepared_interval_first);
                        }
                        if let ::core::option::Option::Some(prepared_up) = prepared_up {
                            object_writer.write::<_, _, 4>(&prepared_up);
                        }
                        if let ::core::option::Option::Some(prepared_acting) = prepared_acting {
                            object_writer.write::<_, _, 4>(&prepared_acting);
                        }
                        if let ::core::option::Option::Some(prepared_up_primary) =
                            prepared_up_primary
                        {
                            object_writer.write::<_, _, 4>(&prepared_up_primary);
                        }
                        if let ::core::option::Option::Some(prepared_acting_primary) =
                            prepared_acting_primary
                        {
                            object_writer.write::<_, _, 4>(&prepared_acting_primary);
                        }
                        if let ::core::option::Option::Some(prepared_state_since_sec) =
                            prepared_state_since_sec
                        {
                            object_writer.write::<_, _, 4>(&prepared_state_since_sec);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PgStat>> for PgStat {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgStat> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PgStat>> for PgStat {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgStat>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PgStat> for PgStat {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgStat> {
                PgStat::create(
                    builder,
                    self.pool,
                    self.seed,
                    self.state,
                    self.version,
                    self.version_epoch,
                    self.reported_epoch,
                    self.reported_sequence,
                    self.last_clean_epoch,
                    self.interval_first,
                    self.log_entries,
                    &self.up,
                    &self.acting,
                    self.up_primary,
                    self.acting_primary,
                    self.objects,
                    self.bytes,
                    self.omap_bytes,
                    self.omap_keys,
                    self.reads,
                    self.read_kb,
                    self.writes,
                    self.write_kb,
                    self.objects_degraded,
                    self.objects_misplaced,
                    self.objects_missing,
                    self.objects_unfound,
                    self.objects_recovered,
                    self.bytes_recovered,
                    self.scrub_errors,
                    self.state_since_sec,
                    self.stored_bytes,
                )
            }
        }

        /// Builder for serializing an instance of the [PgStat] type.
        ///
        /// Can be created using the [PgStat::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PgStatBuilder<State>(State);

        impl PgStatBuilder<()> {
            /// Setter for the [`pool` field](PgStat#structfield.pool).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn pool<T0>(self, value: T0) -> PgStatBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<i64, i64>,
            {
                PgStatBuilder((value,))
            }

            /// Sets the [`pool` field](PgStat#structfield.pool) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn pool_as_default(self) -> PgStatBuilder<(::planus::DefaultValue,)> {
                self.pool(::planus::DefaultValue)
            }
        }

        impl<T0> PgStatBuilder<(T0,)> {
            /// Setter for the [`seed` field](PgStat#structfield.seed).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn seed<T1>(self, value: T1) -> PgStatBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0,) = self.0;
                PgStatBuilder((v0, value))
            }

            /// Sets the [`seed` field](PgStat#structfield.seed) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn seed_as_default(self) -> PgStatBuilder<(T0, ::planus::DefaultValue)> {
                self.seed(::planus::DefaultValue)
            }
        }

        impl<T0, T1> PgStatBuilder<(T0, T1)> {
            /// Setter for the [`state` field](PgStat#structfield.state).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn state<T2>(self, value: T2) -> PgStatBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1) = self.0;
                PgStatBuilder((v0, v1, value))
            }

            /// Sets the [`state` field](PgStat#structfield.state) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn state_as_default(self) -> PgStatBuilder<(T0, T1, ::planus::DefaultValue)> {
                self.state(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2> PgStatBuilder<(T0, T1, T2)> {
            /// Setter for the [`version` field](PgStat#structfield.version).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn version<T3>(self, value: T3) -> PgStatBuilder<(T0, T1, T2, T3)>
            where
                T3: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2) = self.0;
                PgStatBuilder((v0, v1, v2, value))
            }

            /// Sets the [`version` field](PgStat#structfield.version) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn version_as_default(self) -> PgStatBuilder<(T0, T1, T2, ::planus::DefaultValue)> {
                self.version(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3> PgStatBuilder<(T0, T1, T2, T3)> {
            /// Setter for the [`version_epoch` field](PgStat#structfield.version_epoch).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn version_epoch<T4>(self, value: T4) -> PgStatBuilder<(T0, T1, T2, T3, T4)>
            where
                T4: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2, v3) = self.0;
                PgStatBuilder((v0, v1, v2, v3, value))
            }

            /// Sets the [`version_epoch` field](PgStat#structfield.version_epoch) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn version_epoch_as_default(
                self,
            ) -> PgStatBuilder<(T0, T1, T2, T3, ::planus::DefaultValue)> {
                self.version_epoch(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4> PgStatBuilder<(T0, T1, T2, T3, T4)> {
            /// Setter for the [`reported_epoch` field](PgStat#structfield.reported_epoch).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reported_epoch<T5>(self, value: T5) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5)>
            where
                T5: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2, v3, v4) = self.0;
                PgStatBuilder((v0, v1, v2, v3, v4, value))
            }

            /// Sets the [`reported_epoch` field](PgStat#structfield.reported_epoch) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reported_epoch_as_default(
                self,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, ::planus::DefaultValue)> {
                self.reported_epoch(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5> PgStatBuilder<(T0, T1, T2, T3, T4, T5)> {
            /// Setter for the [`reported_sequence` field](PgStat#structfield.reported_sequence).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reported_sequence<T6>(
                self,
                value: T6,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6)>
            where
                T6: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5) = self.0;
                PgStatBuilder((v0, v1, v2, v3, v4, v5, value))
            }

            /// Sets the [`reported_sequence` field](PgStat#structfield.reported_sequence) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reported_sequence_as_default(
                self,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, ::planus::DefaultValue)> {
                self.reported_sequence(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6)> {
            /// Setter for the [`last_clean_epoch` field](PgStat#structfield.last_clean_epoch).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn last_clean_epoch<T7>(
                self,
                value: T7,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7)>
            where
                T7: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2, v3, v4, v5, v6) = self.0;
                PgStatBuilder((v0, v1, v2, v3, v4, v5, v6, value))
            }

            /// Sets the [`last_clean_epoch` field](PgStat#structfield.last_clean_epoch) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn last_clean_epoch_as_default(
                self,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, ::planus::DefaultValue)> {
                self.last_clean_epoch(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7)> {
            /// Setter for the [`interval_first` field](PgStat#structfield.interval_first).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn interval_first<T8>(
                self,
                value: T8,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8)>
            where
                T8: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7) = self.0;
                PgStatBuilder((v0, v1, v2, v3, v4, v5, v6, v7, value))
            }

            /// Sets the [`interval_first` field](PgStat#structfield.interval_first) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn interval_first_as_default(
                self,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, ::planus::DefaultValue)>
            {
                self.interval_first(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8)> {
            /// Setter for the [`log_entries` field](PgStat#structfield.log_entries).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn log_entries<T9>(
                self,
                value: T9,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9)>
            where
                T9: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8) = self.0;
                PgStatBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, value))
            }

            /// Sets the [`log_entries` field](PgStat#structfield.log_entries) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn log_entries_as_default(
                self,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, ::planus::DefaultValue)>
            {
                self.log_entries(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9>
            PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9)>
        {
            /// Setter for the [`up` field](PgStat#structfield.up).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn up<T10>(
                self,
                value: T10,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)>
            where
                T10: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9) = self.0;
                PgStatBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, value))
            }

            /// Sets the [`up` field](PgStat#structfield.up) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn up_as_null(self) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, ())> {
                self.up(())
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>
            PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)>
        {
            /// Setter for the [`acting` field](PgStat#structfield.acting).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn acting<T11>(
                self,
                value: T11,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11)>
            where
                T11: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10) = self.0;
                PgStatBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, value))
            }

            /// Sets the [`acting` field](PgStat#structfield.acting) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn acting_as_null(
                self,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, ())> {
                self.acting(())
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11>
            PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11)>
        {
            /// Setter for the [`up_primary` field](PgStat#structfield.up_primary).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn up_primary<T12>(
                self,
                value: T12,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12)>
            where
                T12: ::planus::WriteAsDefault<i32, i32>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11) = self.0;
                PgStatBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, value))
            }

            /// Sets the [`up_primary` field](PgStat#structfield.up_primary) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn up_primary_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                ::planus::DefaultValue,
            )> {
                self.up_primary(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12>
            PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12)>
        {
            /// Setter for the [`acting_primary` field](PgStat#structfield.acting_primary).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn acting_primary<T13>(
                self,
                value: T13,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13)>
            where
                T13: ::planus::WriteAsDefault<i32, i32>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12) = self.0;
                PgStatBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, value))
            }

            /// Sets the [`acting_primary` field](PgStat#structfield.acting_primary) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn acting_primary_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                ::planus::DefaultValue,
            )> {
                self.acting_primary(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13>
            PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13)>
        {
            /// Setter for the [`objects` field](PgStat#structfield.objects).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects<T14>(
                self,
                value: T14,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14)>
            where
                T14: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13) = self.0;
                PgStatBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, value))
            }

            /// Sets the [`objects` field](PgStat#structfield.objects) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                ::planus::DefaultValue,
            )> {
                self.objects(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14>
            PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14)>
        {
            /// Setter for the [`bytes` field](PgStat#structfield.bytes).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn bytes<T15>(
                self,
                value: T15,
            ) -> PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15)>
            where
                T15: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, value,
                ))
            }

            /// Sets the [`bytes` field](PgStat#structfield.bytes) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn bytes_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                ::planus::DefaultValue,
            )> {
                self.bytes(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15>
            PgStatBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15)>
        {
            /// Setter for the [`omap_bytes` field](PgStat#structfield.omap_bytes).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn omap_bytes<T16>(
                self,
                value: T16,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
            )>
            where
                T16: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, value,
                ))
            }

            /// Sets the [`omap_bytes` field](PgStat#structfield.omap_bytes) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn omap_bytes_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                ::planus::DefaultValue,
            )> {
                self.omap_bytes(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16>
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
            )>
        {
            /// Setter for the [`omap_keys` field](PgStat#structfield.omap_keys).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn omap_keys<T17>(
                self,
                value: T17,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
            )>
            where
                T17: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16) =
                    self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16,
                    value,
                ))
            }

            /// Sets the [`omap_keys` field](PgStat#structfield.omap_keys) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn omap_keys_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                ::planus::DefaultValue,
            )> {
                self.omap_keys(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17>
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
            )>
        {
            /// Setter for the [`reads` field](PgStat#structfield.reads).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reads<T18>(
                self,
                value: T18,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
            )>
            where
                T18: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    value,
                ))
            }

            /// Sets the [`reads` field](PgStat#structfield.reads) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reads_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                ::planus::DefaultValue,
            )> {
                self.reads(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
            )>
        {
            /// Setter for the [`read_kb` field](PgStat#structfield.read_kb).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn read_kb<T19>(
                self,
                value: T19,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
            )>
            where
                T19: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, value,
                ))
            }

            /// Sets the [`read_kb` field](PgStat#structfield.read_kb) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn read_kb_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                ::planus::DefaultValue,
            )> {
                self.read_kb(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
            )>
        {
            /// Setter for the [`writes` field](PgStat#structfield.writes).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn writes<T20>(
                self,
                value: T20,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
            )>
            where
                T20: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, v19, value,
                ))
            }

            /// Sets the [`writes` field](PgStat#structfield.writes) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn writes_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                ::planus::DefaultValue,
            )> {
                self.writes(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
            )>
        {
            /// Setter for the [`write_kb` field](PgStat#structfield.write_kb).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn write_kb<T21>(
                self,
                value: T21,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
            )>
            where
                T21: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                    v20,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, v19, v20, value,
                ))
            }

            /// Sets the [`write_kb` field](PgStat#structfield.write_kb) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn write_kb_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                ::planus::DefaultValue,
            )> {
                self.write_kb(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
            )>
        {
            /// Setter for the [`objects_degraded` field](PgStat#structfield.objects_degraded).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_degraded<T22>(
                self,
                value: T22,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
            )>
            where
                T22: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                    v20,
                    v21,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, v19, v20, v21, value,
                ))
            }

            /// Sets the [`objects_degraded` field](PgStat#structfield.objects_degraded) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_degraded_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                ::planus::DefaultValue,
            )> {
                self.objects_degraded(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
            )>
        {
            /// Setter for the [`objects_misplaced` field](PgStat#structfield.objects_misplaced).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_misplaced<T23>(
                self,
                value: T23,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
            )>
            where
                T23: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                    v20,
                    v21,
                    v22,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, v19, v20, v21, v22, value,
                ))
            }

            /// Sets the [`objects_misplaced` field](PgStat#structfield.objects_misplaced) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_misplaced_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                ::planus::DefaultValue,
            )> {
                self.objects_misplaced(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
            )>
        {
            /// Setter for the [`objects_missing` field](PgStat#structfield.objects_missing).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_missing<T24>(
                self,
                value: T24,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
            )>
            where
                T24: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                    v20,
                    v21,
                    v22,
                    v23,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, v19, v20, v21, v22, v23, value,
                ))
            }

            /// Sets the [`objects_missing` field](PgStat#structfield.objects_missing) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_missing_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                ::planus::DefaultValue,
            )> {
                self.objects_missing(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
            )>
        {
            /// Setter for the [`objects_unfound` field](PgStat#structfield.objects_unfound).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_unfound<T25>(
                self,
                value: T25,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
            )>
            where
                T25: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                    v20,
                    v21,
                    v22,
                    v23,
                    v24,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, v19, v20, v21, v22, v23, v24, value,
                ))
            }

            /// Sets the [`objects_unfound` field](PgStat#structfield.objects_unfound) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_unfound_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                ::planus::DefaultValue,
            )> {
                self.objects_unfound(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
            )>
        {
            /// Setter for the [`objects_recovered` field](PgStat#structfield.objects_recovered).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_recovered<T26>(
                self,
                value: T26,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
            )>
            where
                T26: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                    v20,
                    v21,
                    v22,
                    v23,
                    v24,
                    v25,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, v19, v20, v21, v22, v23, v24, v25, value,
                ))
            }

            /// Sets the [`objects_recovered` field](PgStat#structfield.objects_recovered) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_recovered_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                ::planus::DefaultValue,
            )> {
                self.objects_recovered(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
            )>
        {
            /// Setter for the [`bytes_recovered` field](PgStat#structfield.bytes_recovered).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn bytes_recovered<T27>(
                self,
                value: T27,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
            )>
            where
                T27: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                    v20,
                    v21,
                    v22,
                    v23,
                    v24,
                    v25,
                    v26,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, v19, v20, v21, v22, v23, v24, v25, v26, value,
                ))
            }

            /// Sets the [`bytes_recovered` field](PgStat#structfield.bytes_recovered) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn bytes_recovered_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                ::planus::DefaultValue,
            )> {
                self.bytes_recovered(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
            )>
        {
            /// Setter for the [`scrub_errors` field](PgStat#structfield.scrub_errors).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn scrub_errors<T28>(
                self,
                value: T28,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
            )>
            where
                T28: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                    v20,
                    v21,
                    v22,
                    v23,
                    v24,
                    v25,
                    v26,
                    v27,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, v19, v20, v21, v22, v23, v24, v25, v26, v27, value,
                ))
            }

            /// Sets the [`scrub_errors` field](PgStat#structfield.scrub_errors) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn scrub_errors_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                ::planus::DefaultValue,
            )> {
                self.scrub_errors(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
            )>
        {
            /// Setter for the [`state_since_sec` field](PgStat#structfield.state_since_sec).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn state_since_sec<T29>(
                self,
                value: T29,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
                T29,
            )>
            where
                T29: ::planus::WriteAsDefault<u32, u32>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                    v20,
                    v21,
                    v22,
                    v23,
                    v24,
                    v25,
                    v26,
                    v27,
                    v28,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, v19, v20, v21, v22, v23, v24, v25, v26, v27, v28, value,
                ))
            }

            /// Sets the [`state_since_sec` field](PgStat#structfield.state_since_sec) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn state_since_sec_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
                ::planus::DefaultValue,
            )> {
                self.state_since_sec(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
                T29,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
                T29,
            )>
        {
            /// Setter for the [`stored_bytes` field](PgStat#structfield.stored_bytes).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn stored_bytes<T30>(
                self,
                value: T30,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
                T29,
                T30,
            )>
            where
                T30: ::planus::WriteAsDefault<u64, u64>,
            {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                    v20,
                    v21,
                    v22,
                    v23,
                    v24,
                    v25,
                    v26,
                    v27,
                    v28,
                    v29,
                ) = self.0;
                PgStatBuilder((
                    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15, v16, v17,
                    v18, v19, v20, v21, v22, v23, v24, v25, v26, v27, v28, v29, value,
                ))
            }

            /// Sets the [`stored_bytes` field](PgStat#structfield.stored_bytes) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn stored_bytes_as_default(
                self,
            ) -> PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
                T29,
                ::planus::DefaultValue,
            )> {
                self.stored_bytes(::planus::DefaultValue)
            }
        }

        impl<
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
                T29,
                T30,
            >
            PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
                T29,
                T30,
            )>
        {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PgStat].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgStat>
            where
                Self: ::planus::WriteAsOffset<PgStat>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<i64, i64>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u64, u64>,
                T3: ::planus::WriteAsDefault<u64, u64>,
                T4: ::planus::WriteAsDefault<u32, u32>,
                T5: ::planus::WriteAsDefault<u32, u32>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsDefault<u32, u32>,
                T8: ::planus::WriteAsDefault<u32, u32>,
                T9: ::planus::WriteAsDefault<u64, u64>,
                T10: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                T11: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                T12: ::planus::WriteAsDefault<i32, i32>,
                T13: ::planus::WriteAsDefault<i32, i32>,
                T14: ::planus::WriteAsDefault<u64, u64>,
                T15: ::planus::WriteAsDefault<u64, u64>,
                T16: ::planus::WriteAsDefault<u64, u64>,
                T17: ::planus::WriteAsDefault<u64, u64>,
                T18: ::planus::WriteAsDefault<u64, u64>,
                T19: ::planus::WriteAsDefault<u64, u64>,
                T20: ::planus::WriteAsDefault<u64, u64>,
                T21: ::planus::WriteAsDefault<u64, u64>,
                T22: ::planus::WriteAsDefault<u64, u64>,
                T23: ::planus::WriteAsDefault<u64, u64>,
                T24: ::planus::WriteAsDefault<u64, u64>,
                T25: ::planus::WriteAsDefault<u64, u64>,
                T26: ::planus::WriteAsDefault<u64, u64>,
                T27: ::planus::WriteAsDefault<u64, u64>,
                T28: ::planus::WriteAsDefault<u64, u64>,
                T29: ::planus::WriteAsDefault<u32, u32>,
                T30: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAs<::planus::Offset<PgStat>>
            for PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
                T29,
                T30,
            )>
        {
            type Prepared = ::planus::Offset<PgStat>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgStat> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<i64, i64>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u64, u64>,
                T3: ::planus::WriteAsDefault<u64, u64>,
                T4: ::planus::WriteAsDefault<u32, u32>,
                T5: ::planus::WriteAsDefault<u32, u32>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsDefault<u32, u32>,
                T8: ::planus::WriteAsDefault<u32, u32>,
                T9: ::planus::WriteAsDefault<u64, u64>,
                T10: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                T11: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                T12: ::planus::WriteAsDefault<i32, i32>,
                T13: ::planus::WriteAsDefault<i32, i32>,
                T14: ::planus::WriteAsDefault<u64, u64>,
                T15: ::planus::WriteAsDefault<u64, u64>,
                T16: ::planus::WriteAsDefault<u64, u64>,
                T17: ::planus::WriteAsDefault<u64, u64>,
                T18: ::planus::WriteAsDefault<u64, u64>,
                T19: ::planus::WriteAsDefault<u64, u64>,
                T20: ::planus::WriteAsDefault<u64, u64>,
                T21: ::planus::WriteAsDefault<u64, u64>,
                T22: ::planus::WriteAsDefault<u64, u64>,
                T23: ::planus::WriteAsDefault<u64, u64>,
                T24: ::planus::WriteAsDefault<u64, u64>,
                T25: ::planus::WriteAsDefault<u64, u64>,
                T26: ::planus::WriteAsDefault<u64, u64>,
                T27: ::planus::WriteAsDefault<u64, u64>,
                T28: ::planus::WriteAsDefault<u64, u64>,
                T29: ::planus::WriteAsDefault<u32, u32>,
                T30: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAsOptional<::planus::Offset<PgStat>>
            for PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
                T29,
                T30,
            )>
        {
            type Prepared = ::planus::Offset<PgStat>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgStat>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<i64, i64>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u64, u64>,
                T3: ::planus::WriteAsDefault<u64, u64>,
                T4: ::planus::WriteAsDefault<u32, u32>,
                T5: ::planus::WriteAsDefault<u32, u32>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsDefault<u32, u32>,
                T8: ::planus::WriteAsDefault<u32, u32>,
                T9: ::planus::WriteAsDefault<u64, u64>,
                T10: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                T11: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                T12: ::planus::WriteAsDefault<i32, i32>,
                T13: ::planus::WriteAsDefault<i32, i32>,
                T14: ::planus::WriteAsDefault<u64, u64>,
                T15: ::planus::WriteAsDefault<u64, u64>,
                T16: ::planus::WriteAsDefault<u64, u64>,
                T17: ::planus::WriteAsDefault<u64, u64>,
                T18: ::planus::WriteAsDefault<u64, u64>,
                T19: ::planus::WriteAsDefault<u64, u64>,
                T20: ::planus::WriteAsDefault<u64, u64>,
                T21: ::planus::WriteAsDefault<u64, u64>,
                T22: ::planus::WriteAsDefault<u64, u64>,
                T23: ::planus::WriteAsDefault<u64, u64>,
                T24: ::planus::WriteAsDefault<u64, u64>,
                T25: ::planus::WriteAsDefault<u64, u64>,
                T26: ::planus::WriteAsDefault<u64, u64>,
                T27: ::planus::WriteAsDefault<u64, u64>,
                T28: ::planus::WriteAsDefault<u64, u64>,
                T29: ::planus::WriteAsDefault<u32, u32>,
                T30: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAsOffset<PgStat>
            for PgStatBuilder<(
                T0,
                T1,
                T2,
                T3,
                T4,
                T5,
                T6,
                T7,
                T8,
                T9,
                T10,
                T11,
                T12,
                T13,
                T14,
                T15,
                T16,
                T17,
                T18,
                T19,
                T20,
                T21,
                T22,
                T23,
                T24,
                T25,
                T26,
                T27,
                T28,
                T29,
                T30,
            )>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgStat> {
                let (
                    v0,
                    v1,
                    v2,
                    v3,
                    v4,
                    v5,
                    v6,
                    v7,
                    v8,
                    v9,
                    v10,
                    v11,
                    v12,
                    v13,
                    v14,
                    v15,
                    v16,
                    v17,
                    v18,
                    v19,
                    v20,
                    v21,
                    v22,
                    v23,
                    v24,
                    v25,
                    v26,
                    v27,
                    v28,
                    v29,
                    v30,
                ) = &self.0;
                PgStat::create(
                    builder, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, v13, v14, v15,
                    v16, v17, v18, v19, v20, v21, v22, v23, v24, v25, v26, v27, v28, v29, v30,
                )
            }
        }

        /// Reference to a deserialized [PgStat].
        #[derive(Copy, Clone)]
        pub struct PgStatRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PgStatRef<'a> {
            /// Getter for the [`pool` field](PgStat#structfield.pool).
            #[inline]
            pub fn pool(&self) -> ::planus::Result<i64> {
                ::core::result::Result::Ok(self.0.access(0, "PgStat", "pool")?.unwrap_or(0))
            }

            /// Getter for the [`seed` field](PgStat#structfield.seed).
            #[inline]
            pub fn seed(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(1, "PgStat", "seed")?.unwrap_or(0))
            }

            /// Getter for the [`state` field](PgStat#structfield.state).
            #[inline]
            pub fn state(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(2, "PgStat", "state")?.unwrap_or(0))
            }

            /// Getter for the [`version` field](PgStat#structfield.version).
            #[inline]
            pub fn version(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(3, "PgStat", "version")?.unwrap_or(0))
            }

            /// Getter for the [`version_epoch` field](PgStat#structfield.version_epoch).
            #[inline]
            pub fn version_epoch(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(4, "PgStat", "version_epoch")?.unwrap_or(0),
                )
            }

            /// Getter for the [`reported_epoch` field](PgStat#structfield.reported_epoch).
            #[inline]
            pub fn reported_epoch(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(5, "PgStat", "reported_epoch")?.unwrap_or(0),
                )
            }

            /// Getter for the [`reported_sequence` field](PgStat#structfield.reported_sequence).
            #[inline]
            pub fn reported_sequence(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(6, "PgStat", "reported_sequence")?.unwrap_or(0),
                )
            }

            /// Getter for the [`last_clean_epoch` field](PgStat#structfield.last_clean_epoch).
            #[inline]
            pub fn last_clean_epoch(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(7, "PgStat", "last_clean_epoch")?.unwrap_or(0),
                )
            }

            /// Getter for the [`interval_first` field](PgStat#structfield.interval_first).
            #[inline]
            pub fn interval_first(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(8, "PgStat", "interval_first")?.unwrap_or(0),
                )
            }

            /// Getter for the [`log_entries` field](PgStat#structfield.log_entries).
            #[inline]
            pub fn log_entries(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(9, "PgStat", "log_entries")?.unwrap_or(0))
            }

            /// Getter for the [`up` field](PgStat#structfield.up).
            #[inline]
            pub fn up(
                &self,
            ) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, u32>>> {
                self.0.access(10, "PgStat", "up")
            }

            /// Getter for the [`acting` field](PgStat#structfield.acting).
            #[inline]
            pub fn acting(
                &self,
            ) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, u32>>> {
                self.0.access(11, "PgStat", "acting")
            }

            /// Getter for the [`up_primary` field](PgStat#structfield.up_primary).
            #[inline]
            pub fn up_primary(&self) -> ::planus::Result<i32> {
                ::core::result::Result::Ok(self.0.access(12, "PgStat", "up_primary")?.unwrap_or(-1))
            }

            /// Getter for the [`acting_primary` field](PgStat#structfield.acting_primary).
            #[inline]
            pub fn acting_primary(&self) -> ::planus::Result<i32> {
                ::core::result::Result::Ok(
                    self.0.access(13, "PgStat", "acting_primary")?.unwrap_or(-1),
                )
            }

            /// Getter for the [`objects` field](PgStat#structfield.objects).
            #[inline]
            pub fn objects(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(14, "PgStat", "objects")?.unwrap_or(0))
            }

            /// Getter for the [`bytes` field](PgStat#structfield.bytes).
            #[inline]
            pub fn bytes(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(15, "PgStat", "bytes")?.unwrap_or(0))
            }

            /// Getter for the [`omap_bytes` field](PgStat#structfield.omap_bytes).
            #[inline]
            pub fn omap_bytes(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(16, "PgStat", "omap_bytes")?.unwrap_or(0))
            }

            /// Getter for the [`omap_keys` field](PgStat#structfield.omap_keys).
            #[inline]
            pub fn omap_keys(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(17, "PgStat", "omap_keys")?.unwrap_or(0))
            }

            /// Getter for the [`reads` field](PgStat#structfield.reads).
            #[inline]
            pub fn reads(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(18, "PgStat", "reads")?.unwrap_or(0))
            }

            /// Getter for the [`read_kb` field](PgStat#structfield.read_kb).
            #[inline]
            pub fn read_kb(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(19, "PgStat", "read_kb")?.unwrap_or(0))
            }

            /// Getter for the [`writes` field](PgStat#structfield.writes).
            #[inline]
            pub fn writes(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(20, "PgStat", "writes")?.unwrap_or(0))
            }

            /// Getter for the [`write_kb` field](PgStat#structfield.write_kb).
            #[inline]
            pub fn write_kb(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(21, "PgStat", "write_kb")?.unwrap_or(0))
            }

            /// Getter for the [`objects_degraded` field](PgStat#structfield.objects_degraded).
            #[inline]
            pub fn objects_degraded(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(22, "PgStat", "objects_degraded")?.unwrap_or(0),
                )
            }

            /// Getter for the [`objects_misplaced` field](PgStat#structfield.objects_misplaced).
            #[inline]
            pub fn objects_misplaced(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(23, "PgStat", "objects_misplaced")?.unwrap_or(0),
                )
            }

            /// Getter for the [`objects_missing` field](PgStat#structfield.objects_missing).
            #[inline]
            pub fn objects_missing(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(24, "PgStat", "objects_missing")?.unwrap_or(0),
                )
            }

            /// Getter for the [`objects_unfound` field](PgStat#structfield.objects_unfound).
            #[inline]
            pub fn objects_unfound(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(25, "PgStat", "objects_unfound")?.unwrap_or(0),
                )
            }

            /// Getter for the [`objects_recovered` field](PgStat#structfield.objects_recovered).
            #[inline]
            pub fn objects_recovered(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(26, "PgStat", "objects_recovered")?.unwrap_or(0),
                )
            }

            /// Getter for the [`bytes_recovered` field](PgStat#structfield.bytes_recovered).
            #[inline]
            pub fn bytes_recovered(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(27, "PgStat", "bytes_recovered")?.unwrap_or(0),
                )
            }

            /// Getter for the [`scrub_errors` field](PgStat#structfield.scrub_errors).
            #[inline]
            pub fn scrub_errors(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(28, "PgStat", "scrub_errors")?.unwrap_or(0),
                )
            }

            /// Getter for the [`state_since_sec` field](PgStat#structfield.state_since_sec).
            #[inline]
            pub fn state_since_sec(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(29, "PgStat", "state_since_sec")?.unwrap_or(0),
                )
            }

            /// Getter for the [`stored_bytes` field](PgStat#structfield.stored_bytes).
            #[inline]
            pub fn stored_bytes(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(
                    self.0.access(30, "PgStat", "stored_bytes")?.unwrap_or(0),
                )
            }
        }

        impl<'a> ::core::fmt::Debug for PgStatRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgStatRef");
                f.field("pool", &self.pool());
                f.field("seed", &self.seed());
                f.field("state", &self.state());
                f.field("version", &self.version());
                f.field("version_epoch", &self.version_epoch());
                f.field("reported_epoch", &self.reported_epoch());
                f.field("reported_sequence", &self.reported_sequence());
                f.field("last_clean_epoch", &self.last_clean_epoch());
                f.field("interval_first", &self.interval_first());
                f.field("log_entries", &self.log_entries());
                if let ::core::option::Option::Some(field_up) = self.up().transpose() {
                    f.field("up", &field_up);
                }
                if let ::core::option::Option::Some(field_acting) = self.acting().transpose() {
                    f.field("acting", &field_acting);
                }
                f.field("up_primary", &self.up_primary());
                f.field("acting_primary", &self.acting_primary());
                f.field("objects", &self.objects());
                f.field("bytes", &self.bytes());
                f.field("omap_bytes", &self.omap_bytes());
                f.field("omap_keys", &self.omap_keys());
                f.field("reads", &self.reads());
                f.field("read_kb", &self.read_kb());
                f.field("writes", &self.writes());
                f.field("write_kb", &self.write_kb());
                f.field("objects_degraded", &self.objects_degraded());
                f.field("objects_misplaced", &self.objects_misplaced());
                f.field("objects_missing", &self.objects_missing());
                f.field("objects_unfound", &self.objects_unfound());
                f.field("objects_recovered", &self.objects_recovered());
                f.field("bytes_recovered", &self.bytes_recovered());
                f.field("scrub_errors", &self.scrub_errors());
                f.field("state_since_sec", &self.state_since_sec());
                f.field("stored_bytes", &self.stored_bytes());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PgStatRef<'a>> for PgStat {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PgStatRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    pool: ::core::convert::TryInto::try_into(value.pool()?)?,
                    seed: ::core::convert::TryInto::try_into(value.seed()?)?,
                    state: ::core::convert::TryInto::try_into(value.state()?)?,
                    version: ::core::convert::TryInto::try_into(value.version()?)?,
                    version_epoch: ::core::convert::TryInto::try_into(value.version_epoch()?)?,
                    reported_epoch: ::core::convert::TryInto::try_into(value.reported_epoch()?)?,
                    reported_sequence: ::core::convert::TryInto::try_into(
                        value.reported_sequence()?,
                    )?,
                    last_clean_epoch: ::core::convert::TryInto::try_into(
                        value.last_clean_epoch()?,
                    )?,
                    interval_first: ::core::convert::TryInto::try_into(value.interval_first()?)?,
                    log_entries: ::core::convert::TryInto::try_into(value.log_entries()?)?,
                    up: if let ::core::option::Option::Some(up) = value.up()? {
                        ::core::option::Option::Some(up.to_vec()?)
                    } else {
                        ::core::option::Option::None
                    },
                    acting: if let ::core::option::Option::Some(acting) = value.acting()? {
                        ::core::option::Option::Some(acting.to_vec()?)
                    } else {
                        ::core::option::Option::None
                    },
                    up_primary: ::core::convert::TryInto::try_into(value.up_primary()?)?,
                    acting_primary: ::core::convert::TryInto::try_into(value.acting_primary()?)?,
                    objects: ::core::convert::TryInto::try_into(value.objects()?)?,
                    bytes: ::core::convert::TryInto::try_into(value.bytes()?)?,
                    omap_bytes: ::core::convert::TryInto::try_into(value.omap_bytes()?)?,
                    omap_keys: ::core::convert::TryInto::try_into(value.omap_keys()?)?,
                    reads: ::core::convert::TryInto::try_into(value.reads()?)?,
                    read_kb: ::core::convert::TryInto::try_into(value.read_kb()?)?,
                    writes: ::core::convert::TryInto::try_into(value.writes()?)?,
                    write_kb: ::core::convert::TryInto::try_into(value.write_kb()?)?,
                    objects_degraded: ::core::convert::TryInto::try_into(
                        value.objects_degraded()?,
                    )?,
                    objects_misplaced: ::core::convert::TryInto::try_into(
                        value.objects_misplaced()?,
                    )?,
                    objects_missing: ::core::convert::TryInto::try_into(value.objects_missing()?)?,
                    objects_unfound: ::core::convert::TryInto::try_into(value.objects_unfound()?)?,
                    objects_recovered: ::core::convert::TryInto::try_into(
                        value.objects_recovered()?,
                    )?,
                    bytes_recovered: ::core::convert::TryInto::try_into(value.bytes_recovered()?)?,
                    scrub_errors: ::core::convert::TryInto::try_into(value.scrub_errors()?)?,
                    state_since_sec: ::core::convert::TryInto::try_into(value.state_since_sec()?)?,
                    stored_bytes: ::core::convert::TryInto::try_into(value.stored_bytes()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgStatRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PgStatRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[PgStatRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PgStat>> for PgStat {
            type Value = ::planus::Offset<PgStat>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PgStat>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PgStatRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PgStatRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `MarkDown` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `MarkDown` in the file `messenger/schema/kermes.fbs:93`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct MarkDown {
            /// The field `osd` in the table `MarkDown`
            pub osd: u32,
            /// The field `epoch` in the table `MarkDown`
            pub epoch: u32,
            /// The field `up_from` in the table `MarkDown`
            pub up_from: u32,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for MarkDown {
            fn default() -> Self {
                Self { osd: 0, epoch: 0, up_from: 0 }
            }
        }

        impl MarkDown {
            /// Creates a [MarkDownBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> MarkDownBuilder<()> {
                MarkDownBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_osd: impl ::planus::WriteAsDefault<u32, u32>,
                field_epoch: impl ::planus::WriteAsDefault<u32, u32>,
                field_up_from: impl ::planus::WriteAsDefault<u32, u32>,
            ) -> ::planus::Offset<Self> {
                let prepared_osd = field_osd.prepare(builder, &0);
                let prepared_epoch = field_epoch.prepare(builder, &0);
                let prepared_up_from = field_up_from.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<10> =
                    ::core::default::Default::default();
                if prepared_osd.is_some() {
                    table_writer.write_entry::<u32>(0);
                }
                if prepared_epoch.is_some() {
                    table_writer.write_entry::<u32>(1);
                }
                if prepared_up_from.is_some() {
                    table_writer.write_entry::<u32>(2);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_osd) = prepared_osd {
                            object_writer.write::<_, _, 4>(&prepared_osd);
                        }
                        if let ::core::option::Option::Some(prepared_epoch) = prepared_epoch {
                            object_writer.write::<_, _, 4>(&prepared_epoch);
                        }
                        if let ::core::option::Option::Some(prepared_up_from) = prepared_up_from {
                            object_writer.write::<_, _, 4>(&prepared_up_from);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<MarkDown>> for MarkDown {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<MarkDown> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<MarkDown>> for MarkDown {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<MarkDown>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<MarkDown> for MarkDown {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<MarkDown> {
                MarkDown::create(builder, self.osd, self.epoch, self.up_from)
            }
        }

        /// Builder for serializing an instance of the [MarkDown] type.
        ///
        /// Can be created using the [MarkDown::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct MarkDownBuilder<State>(State);

        impl MarkDownBuilder<()> {
            /// Setter for the [`osd` field](MarkDown#structfield.osd).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd<T0>(self, value: T0) -> MarkDownBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u32, u32>,
            {
                MarkDownBuilder((value,))
            }

            /// Sets the [`osd` field](MarkDown#structfield.osd) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd_as_default(self) -> MarkDownBuilder<(::planus::DefaultValue,)> {
                self.osd(::planus::DefaultValue)
            }
        }

        impl<T0> MarkDownBuilder<(T0,)> {
            /// Setter for the [`epoch` field](MarkDown#structfield.epoch).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch<T1>(self, value: T1) -> MarkDownBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0,) = self.0;
                MarkDownBuilder((v0, value))
            }

            /// Sets the [`epoch` field](MarkDown#structfield.epoch) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch_as_default(self) -> MarkDownBuilder<(T0, ::planus::DefaultValue)> {
                self.epoch(::planus::DefaultValue)
            }
        }

        impl<T0, T1> MarkDownBuilder<(T0, T1)> {
            /// Setter for the [`up_from` field](MarkDown#structfield.up_from).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn up_from<T2>(self, value: T2) -> MarkDownBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1) = self.0;
                MarkDownBuilder((v0, v1, value))
            }

            /// Sets the [`up_from` field](MarkDown#structfield.up_from) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn up_from_as_default(self) -> MarkDownBuilder<(T0, T1, ::planus::DefaultValue)> {
                self.up_from(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2> MarkDownBuilder<(T0, T1, T2)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [MarkDown].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<MarkDown>
            where
                Self: ::planus::WriteAsOffset<MarkDown>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAs<::planus::Offset<MarkDown>> for MarkDownBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<MarkDown>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<MarkDown> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOptional<::planus::Offset<MarkDown>>
            for MarkDownBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<MarkDown>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<MarkDown>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOffset<MarkDown> for MarkDownBuilder<(T0, T1, T2)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<MarkDown> {
                let (v0, v1, v2) = &self.0;
                MarkDown::create(builder, v0, v1, v2)
            }
        }

        /// Reference to a deserialized [MarkDown].
        #[derive(Copy, Clone)]
        pub struct MarkDownRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> MarkDownRef<'a> {
            /// Getter for the [`osd` field](MarkDown#structfield.osd).
            #[inline]
            pub fn osd(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(0, "MarkDown", "osd")?.unwrap_or(0))
            }

            /// Getter for the [`epoch` field](MarkDown#structfield.epoch).
            #[inline]
            pub fn epoch(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(1, "MarkDown", "epoch")?.unwrap_or(0))
            }

            /// Getter for the [`up_from` field](MarkDown#structfield.up_from).
            #[inline]
            pub fn up_from(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(2, "MarkDown", "up_from")?.unwrap_or(0))
            }
        }

        impl<'a> ::core::fmt::Debug for MarkDownRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("MarkDownRef");
                f.field("osd", &self.osd());
                f.field("epoch", &self.epoch());
                f.field("up_from", &self.up_from());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<MarkDownRef<'a>> for MarkDown {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: MarkDownRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    osd: ::core::convert::TryInto::try_into(value.osd()?)?,
                    epoch: ::core::convert::TryInto::try_into(value.epoch()?)?,
                    up_from: ::core::convert::TryInto::try_into(value.up_from()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for MarkDownRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for MarkDownRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[MarkDownRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<MarkDown>> for MarkDown {
            type Value = ::planus::Offset<MarkDown>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<MarkDown>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for MarkDownRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[MarkDownRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `MarkDownAck` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `MarkDownAck` in the file `messenger/schema/kermes.fbs:94`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct MarkDownAck {
            /// The field `osd` in the table `MarkDownAck`
            pub osd: u32,
            /// The field `epoch` in the table `MarkDownAck`
            pub epoch: u32,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for MarkDownAck {
            fn default() -> Self {
                Self { osd: 0, epoch: 0 }
            }
        }

        impl MarkDownAck {
            /// Creates a [MarkDownAckBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> MarkDownAckBuilder<()> {
                MarkDownAckBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_osd: impl ::planus::WriteAsDefault<u32, u32>,
                field_epoch: impl ::planus::WriteAsDefault<u32, u32>,
            ) -> ::planus::Offset<Self> {
                let prepared_osd = field_osd.prepare(builder, &0);
                let prepared_epoch = field_epoch.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<8> =
                    ::core::default::Default::default();
                if prepared_osd.is_some() {
                    table_writer.write_entry::<u32>(0);
                }
                if prepared_epoch.is_some() {
                    table_writer.write_entry::<u32>(1);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_osd) = prepared_osd {
                            object_writer.write::<_, _, 4>(&prepared_osd);
                        }
                        if let ::core::option::Option::Some(prepared_epoch) = prepared_epoch {
                            object_writer.write::<_, _, 4>(&prepared_epoch);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<MarkDownAck>> for MarkDownAck {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<MarkDownAck> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<MarkDownAck>> for MarkDownAck {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<MarkDownAck>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<MarkDownAck> for MarkDownAck {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<MarkDownAck> {
                MarkDownAck::create(builder, self.osd, self.epoch)
            }
        }

        /// Builder for serializing an instance of the [MarkDownAck] type.
        ///
        /// Can be created using the [MarkDownAck::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct MarkDownAckBuilder<State>(State);

        impl MarkDownAckBuilder<()> {
            /// Setter for the [`osd` field](MarkDownAck#structfield.osd).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd<T0>(self, value: T0) -> MarkDownAckBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u32, u32>,
            {
                MarkDownAckBuilder((value,))
            }

            /// Sets the [`osd` field](MarkDownAck#structfield.osd) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd_as_default(self) -> MarkDownAckBuilder<(::planus::DefaultValue,)> {
                self.osd(::planus::DefaultValue)
            }
        }

        impl<T0> MarkDownAckBuilder<(T0,)> {
            /// Setter for the [`epoch` field](MarkDownAck#structfield.epoch).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch<T1>(self, value: T1) -> MarkDownAckBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0,) = self.0;
                MarkDownAckBuilder((v0, value))
            }

            /// Sets the [`epoch` field](MarkDownAck#structfield.epoch) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch_as_default(self) -> MarkDownAckBuilder<(T0, ::planus::DefaultValue)> {
                self.epoch(::planus::DefaultValue)
            }
        }

        impl<T0, T1> MarkDownAckBuilder<(T0, T1)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [MarkDownAck].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<MarkDownAck>
            where
                Self: ::planus::WriteAsOffset<MarkDownAck>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<T0: ::planus::WriteAsDefault<u32, u32>, T1: ::planus::WriteAsDefault<u32, u32>>
            ::planus::WriteAs<::planus::Offset<MarkDownAck>> for MarkDownAckBuilder<(T0, T1)>
        {
            type Prepared = ::planus::Offset<MarkDownAck>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<MarkDownAck> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<T0: ::planus::WriteAsDefault<u32, u32>, T1: ::planus::WriteAsDefault<u32, u32>>
            ::planus::WriteAsOptional<::planus::Offset<MarkDownAck>>
            for MarkDownAckBuilder<(T0, T1)>
        {
            type Prepared = ::planus::Offset<MarkDownAck>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<MarkDownAck>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<T0: ::planus::WriteAsDefault<u32, u32>, T1: ::planus::WriteAsDefault<u32, u32>>
            ::planus::WriteAsOffset<MarkDownAck> for MarkDownAckBuilder<(T0, T1)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<MarkDownAck> {
                let (v0, v1) = &self.0;
                MarkDownAck::create(builder, v0, v1)
            }
        }

        /// Reference to a deserialized [MarkDownAck].
        #[derive(Copy, Clone)]
        pub struct MarkDownAckRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> MarkDownAckRef<'a> {
            /// Getter for the [`osd` field](MarkDownAck#structfield.osd).
            #[inline]
            pub fn osd(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(0, "MarkDownAck", "osd")?.unwrap_or(0))
            }

            /// Getter for the [`epoch` field](MarkDownAck#structfield.epoch).
            #[inline]
            pub fn epoch(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(1, "MarkDownAck", "epoch")?.unwrap_or(0))
            }
        }

        impl<'a> ::core::fmt::Debug for MarkDownAckRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("MarkDownAckRef");
                f.field("osd", &self.osd());
                f.field("epoch", &self.epoch());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<MarkDownAckRef<'a>> for MarkDownAck {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: MarkDownAckRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    osd: ::core::convert::TryInto::try_into(value.osd()?)?,
                    epoch: ::core::convert::TryInto::try_into(value.epoch()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for MarkDownAckRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for MarkDownAckRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[MarkDownAckRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<MarkDownAck>> for MarkDownAck {
            type Value = ::planus::Offset<MarkDownAck>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<MarkDownAck>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for MarkDownAckRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[MarkDownAckRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `AliveRequest` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `AliveRequest` in the file `messenger/schema/kermes.fbs:95`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct AliveRequest {
            /// The field `osd` in the table `AliveRequest`
            pub osd: u32,
            /// The field `epoch` in the table `AliveRequest`
            pub epoch: u32,
            /// The field `up_thru` in the table `AliveRequest`
            pub up_thru: u32,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for AliveRequest {
            fn default() -> Self {
                Self { osd: 0, epoch: 0, up_thru: 0 }
            }
        }

        impl AliveRequest {
            /// Creates a [AliveRequestBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> AliveRequestBuilder<()> {
                AliveRequestBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_osd: impl ::planus::WriteAsDefault<u32, u32>,
                field_epoch: impl ::planus::WriteAsDefault<u32, u32>,
                field_up_thru: impl ::planus::WriteAsDefault<u32, u32>,
            ) -> ::planus::Offset<Self> {
                let prepared_osd = field_osd.prepare(builder, &0);
                let prepared_epoch = field_epoch.prepare(builder, &0);
                let prepared_up_thru = field_up_thru.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<10> =
                    ::core::default::Default::default();
                if prepared_osd.is_some() {
                    table_writer.write_entry::<u32>(0);
                }
                if prepared_epoch.is_some() {
                    table_writer.write_entry::<u32>(1);
                }
                if prepared_up_thru.is_some() {
                    table_writer.write_entry::<u32>(2);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_osd) = prepared_osd {
                            object_writer.write::<_, _, 4>(&prepared_osd);
                        }
                        if let ::core::option::Option::Some(prepared_epoch) = prepared_epoch {
                            object_writer.write::<_, _, 4>(&prepared_epoch);
                        }
                        if let ::core::option::Option::Some(prepared_up_thru) = prepared_up_thru {
                            object_writer.write::<_, _, 4>(&prepared_up_thru);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<AliveRequest>> for AliveRequest {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<AliveRequest> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<AliveRequest>> for AliveRequest {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<AliveRequest>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<AliveRequest> for AliveRequest {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<AliveRequest> {
                AliveRequest::create(builder, self.osd, self.epoch, self.up_thru)
            }
        }

        /// Builder for serializing an instance of the [AliveRequest] type.
        ///
        /// Can be created using the [AliveRequest::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct AliveRequestBuilder<State>(State);

        impl AliveRequestBuilder<()> {
            /// Setter for the [`osd` field](AliveRequest#structfield.osd).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd<T0>(self, value: T0) -> AliveRequestBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u32, u32>,
            {
                AliveRequestBuilder((value,))
            }

            /// Sets the [`osd` field](AliveRequest#structfield.osd) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd_as_default(self) -> AliveRequestBuilder<(::planus::DefaultValue,)> {
                self.osd(::planus::DefaultValue)
            }
        }

        impl<T0> AliveRequestBuilder<(T0,)> {
            /// Setter for the [`epoch` field](AliveRequest#structfield.epoch).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch<T1>(self, value: T1) -> AliveRequestBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0,) = self.0;
                AliveRequestBuilder((v0, value))
            }

            /// Sets the [`epoch` field](AliveRequest#structfield.epoch) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch_as_default(self) -> AliveRequestBuilder<(T0, ::planus::DefaultValue)> {
                self.epoch(::planus::DefaultValue)
            }
        }

        impl<T0, T1> AliveRequestBuilder<(T0, T1)> {
            /// Setter for the [`up_thru` field](AliveRequest#structfield.up_thru).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn up_thru<T2>(self, value: T2) -> AliveRequestBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1) = self.0;
                AliveRequestBuilder((v0, v1, value))
            }

            /// Sets the [`up_thru` field](AliveRequest#structfield.up_thru) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn up_thru_as_default(
                self,
            ) -> AliveRequestBuilder<(T0, T1, ::planus::DefaultValue)> {
                self.up_thru(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2> AliveRequestBuilder<(T0, T1, T2)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [AliveRequest].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<AliveRequest>
            where
                Self: ::planus::WriteAsOffset<AliveRequest>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAs<::planus::Offset<AliveRequest>>
            for AliveRequestBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<AliveRequest>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<AliveRequest> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOptional<::planus::Offset<AliveRequest>>
            for AliveRequestBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<AliveRequest>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<AliveRequest>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOffset<AliveRequest> for AliveRequestBuilder<(T0, T1, T2)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<AliveRequest> {
                let (v0, v1, v2) = &self.0;
                AliveRequest::create(builder, v0, v1, v2)
            }
        }

        /// Reference to a deserialized [AliveRequest].
        #[derive(Copy, Clone)]
        pub struct AliveRequestRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> AliveRequestRef<'a> {
            /// Getter for the [`osd` field](AliveRequest#structfield.osd).
            #[inline]
            pub fn osd(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(0, "AliveRequest", "osd")?.unwrap_or(0))
            }

            /// Getter for the [`epoch` field](AliveRequest#structfield.epoch).
            #[inline]
            pub fn epoch(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(1, "AliveRequest", "epoch")?.unwrap_or(0))
            }

            /// Getter for the [`up_thru` field](AliveRequest#structfield.up_thru).
            #[inline]
            pub fn up_thru(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(2, "AliveRequest", "up_thru")?.unwrap_or(0),
                )
            }
        }

        impl<'a> ::core::fmt::Debug for AliveRequestRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("AliveRequestRef");
                f.field("osd", &self.osd());
                f.field("epoch", &self.epoch());
                f.field("up_thru", &self.up_thru());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<AliveRequestRef<'a>> for AliveRequest {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: AliveRequestRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    osd: ::core::convert::TryInto::try_into(value.osd()?)?,
                    epoch: ::core::convert::TryInto::try_into(value.epoch()?)?,
                    up_thru: ::core::convert::TryInto::try_into(value.up_thru()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for AliveRequestRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for AliveRequestRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[AliveRequestRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<AliveRequest>> for AliveRequest {
            type Value = ::planus::Offset<AliveRequest>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<AliveRequest>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for AliveRequestRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[AliveRequestRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PgTemp` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PgTemp` in the file `messenger/schema/kermes.fbs:97`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgTemp {
            /// The field `osd` in the table `PgTemp`
            pub osd: u32,
            /// The field `epoch` in the table `PgTemp`
            pub epoch: u32,
            /// The field `pgs` in the table `PgTemp`
            pub pgs: ::core::option::Option<::planus::alloc::vec::Vec<self::PgTempEntry>>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PgTemp {
            fn default() -> Self {
                Self { osd: 0, epoch: 0, pgs: ::core::default::Default::default() }
            }
        }

        impl PgTemp {
            /// Creates a [PgTempBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PgTempBuilder<()> {
                PgTempBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_osd: impl ::planus::WriteAsDefault<u32, u32>,
                field_epoch: impl ::planus::WriteAsDefault<u32, u32>,
                field_pgs: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::PgTempEntry>]>,
                >,
            ) -> ::planus::Offset<Self> {
                let prepared_osd = field_osd.prepare(builder, &0);
                let prepared_epoch = field_epoch.prepare(builder, &0);
                let prepared_pgs = field_pgs.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<10> =
                    ::core::default::Default::default();
                if prepared_osd.is_some() {
                    table_writer.write_entry::<u32>(0);
                }
                if prepared_epoch.is_some() {
                    table_writer.write_entry::<u32>(1);
                }
                if prepared_pgs.is_some() {
                    table_writer
                        .write_entry::<::planus::Offset<[::planus::Offset<self::PgTempEntry>]>>(2);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_osd) = prepared_osd {
                            object_writer.write::<_, _, 4>(&prepared_osd);
                        }
                        if let ::core::option::Option::Some(prepared_epoch) = prepared_epoch {
                            object_writer.write::<_, _, 4>(&prepared_epoch);
                        }
                        if let ::core::option::Option::Some(prepared_pgs) = prepared_pgs {
                            object_writer.write::<_, _, 4>(&prepared_pgs);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PgTemp>> for PgTemp {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgTemp> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PgTemp>> for PgTemp {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgTemp>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PgTemp> for PgTemp {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgTemp> {
                PgTemp::create(builder, self.osd, self.epoch, &self.pgs)
            }
        }

        /// Builder for serializing an instance of the [PgTemp] type.
        ///
        /// Can be created using the [PgTemp::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PgTempBuilder<State>(State);

        impl PgTempBuilder<()> {
            /// Setter for the [`osd` field](PgTemp#structfield.osd).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd<T0>(self, value: T0) -> PgTempBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u32, u32>,
            {
                PgTempBuilder((value,))
            }

            /// Sets the [`osd` field](PgTemp#structfield.osd) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn osd_as_default(self) -> PgTempBuilder<(::planus::DefaultValue,)> {
                self.osd(::planus::DefaultValue)
            }
        }

        impl<T0> PgTempBuilder<(T0,)> {
            /// Setter for the [`epoch` field](PgTemp#structfield.epoch).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch<T1>(self, value: T1) -> PgTempBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0,) = self.0;
                PgTempBuilder((v0, value))
            }

            /// Sets the [`epoch` field](PgTemp#structfield.epoch) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch_as_default(self) -> PgTempBuilder<(T0, ::planus::DefaultValue)> {
                self.epoch(::planus::DefaultValue)
            }
        }

        impl<T0, T1> PgTempBuilder<(T0, T1)> {
            /// Setter for the [`pgs` field](PgTemp#structfield.pgs).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn pgs<T2>(self, value: T2) -> PgTempBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::PgTempEntry>]>,
                >,
            {
                let (v0, v1) = self.0;
                PgTempBuilder((v0, v1, value))
            }

            /// Sets the [`pgs` field](PgTemp#structfield.pgs) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn pgs_as_null(self) -> PgTempBuilder<(T0, T1, ())> {
                self.pgs(())
            }
        }

        impl<T0, T1, T2> PgTempBuilder<(T0, T1, T2)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PgTemp].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgTemp>
            where
                Self: ::planus::WriteAsOffset<PgTemp>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::PgTempEntry>]>>,
            > ::planus::WriteAs<::planus::Offset<PgTemp>> for PgTempBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<PgTemp>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgTemp> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::PgTempEntry>]>>,
            > ::planus::WriteAsOptional<::planus::Offset<PgTemp>> for PgTempBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<PgTemp>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgTemp>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::PgTempEntry>]>>,
            > ::planus::WriteAsOffset<PgTemp> for PgTempBuilder<(T0, T1, T2)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgTemp> {
                let (v0, v1, v2) = &self.0;
                PgTemp::create(builder, v0, v1, v2)
            }
        }

        /// Reference to a deserialized [PgTemp].
        #[derive(Copy, Clone)]
        pub struct PgTempRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PgTempRef<'a> {
            /// Getter for the [`osd` field](PgTemp#structfield.osd).
            #[inline]
            pub fn osd(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(0, "PgTemp", "osd")?.unwrap_or(0))
            }

            /// Getter for the [`epoch` field](PgTemp#structfield.epoch).
            #[inline]
            pub fn epoch(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(1, "PgTemp", "epoch")?.unwrap_or(0))
            }

            /// Getter for the [`pgs` field](PgTemp#structfield.pgs).
            #[inline]
            pub fn pgs(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<
                    ::planus::Vector<'a, ::planus::Result<self::PgTempEntryRef<'a>>>,
                >,
            > {
                self.0.access(2, "PgTemp", "pgs")
            }
        }

        impl<'a> ::core::fmt::Debug for PgTempRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgTempRef");
                f.field("osd", &self.osd());
                f.field("epoch", &self.epoch());
                if let ::core::option::Option::Some(field_pgs) = self.pgs().transpose() {
                    f.field("pgs", &field_pgs);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PgTempRef<'a>> for PgTemp {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PgTempRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    osd: ::core::convert::TryInto::try_into(value.osd()?)?,
                    epoch: ::core::convert::TryInto::try_into(value.epoch()?)?,
                    pgs: if let ::core::option::Option::Some(pgs) = value.pgs()? {
                        ::core::option::Option::Some(pgs.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgTempRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PgTempRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[PgTempRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PgTemp>> for PgTemp {
            type Value = ::planus::Offset<PgTemp>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PgTemp>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PgTempRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PgTempRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PgTempEntry` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PgTempEntry` in the file `messenger/schema/kermes.fbs:98`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgTempEntry {
            /// The field `pool` in the table `PgTempEntry`
            pub pool: i64,
            /// The field `seed` in the table `PgTempEntry`
            pub seed: u32,
            /// The field `acting` in the table `PgTempEntry`
            pub acting: ::core::option::Option<::planus::alloc::vec::Vec<u32>>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PgTempEntry {
            fn default() -> Self {
                Self { pool: 0, seed: 0, acting: ::core::default::Default::default() }
            }
        }

        impl PgTempEntry {
            /// Creates a [PgTempEntryBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PgTempEntryBuilder<()> {
                PgTempEntryBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_pool: impl ::planus::WriteAsDefault<i64, i64>,
                field_seed: impl ::planus::WriteAsDefault<u32, u32>,
                field_acting: impl ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
            ) -> ::planus::Offset<Self> {
                let prepared_pool = field_pool.prepare(builder, &0);
                let prepared_seed = field_seed.prepare(builder, &0);
                let prepared_acting = field_acting.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<10> =
                    ::core::default::Default::default();
                if prepared_pool.is_some() {
                    table_writer.write_entry::<i64>(0);
                }
                if prepared_seed.is_some() {
                    table_writer.write_entry::<u32>(1);
                }
                if prepared_acting.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u32]>>(2);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_pool) = prepared_pool {
                            object_writer.write::<_, _, 8>(&prepared_pool);
                        }
                        if let ::core::option::Option::Some(prepared_seed) = prepared_seed {
                            object_writer.write::<_, _, 4>(&prepared_seed);
                        }
                        if let ::core::option::Option::Some(prepared_acting) = prepared_acting {
                            object_writer.write::<_, _, 4>(&prepared_acting);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PgTempEntry>> for PgTempEntry {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgTempEntry> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PgTempEntry>> for PgTempEntry {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgTempEntry>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PgTempEntry> for PgTempEntry {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgTempEntry> {
                PgTempEntry::create(builder, self.pool, self.seed, &self.acting)
            }
        }

        /// Builder for serializing an instance of the [PgTempEntry] type.
        ///
        /// Can be created using the [PgTempEntry::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PgTempEntryBuilder<State>(State);

        impl PgTempEntryBuilder<()> {
            /// Setter for the [`pool` field](PgTempEntry#structfield.pool).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn pool<T0>(self, value: T0) -> PgTempEntryBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<i64, i64>,
            {
                PgTempEntryBuilder((value,))
            }

            /// Sets the [`pool` field](PgTempEntry#structfield.pool) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn pool_as_default(self) -> PgTempEntryBuilder<(::planus::DefaultValue,)> {
                self.pool(::planus::DefaultValue)
            }
        }

        impl<T0> PgTempEntryBuilder<(T0,)> {
            /// Setter for the [`seed` field](PgTempEntry#structfield.seed).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn seed<T1>(self, value: T1) -> PgTempEntryBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0,) = self.0;
                PgTempEntryBuilder((v0, value))
            }

            /// Sets the [`seed` field](PgTempEntry#structfield.seed) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn seed_as_default(self) -> PgTempEntryBuilder<(T0, ::planus::DefaultValue)> {
                self.seed(::planus::DefaultValue)
            }
        }

        impl<T0, T1> PgTempEntryBuilder<(T0, T1)> {
            /// Setter for the [`acting` field](PgTempEntry#structfield.acting).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn acting<T2>(self, value: T2) -> PgTempEntryBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
            {
                let (v0, v1) = self.0;
                PgTempEntryBuilder((v0, v1, value))
            }

            /// Sets the [`acting` field](PgTempEntry#structfield.acting) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn acting_as_null(self) -> PgTempEntryBuilder<(T0, T1, ())> {
                self.acting(())
            }
        }

        impl<T0, T1, T2> PgTempEntryBuilder<(T0, T1, T2)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PgTempEntry].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgTempEntry>
            where
                Self: ::planus::WriteAsOffset<PgTempEntry>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<i64, i64>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
            > ::planus::WriteAs<::planus::Offset<PgTempEntry>>
            for PgTempEntryBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<PgTempEntry>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgTempEntry> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<i64, i64>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
            > ::planus::WriteAsOptional<::planus::Offset<PgTempEntry>>
            for PgTempEntryBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<PgTempEntry>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgTempEntry>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<i64, i64>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
            > ::planus::WriteAsOffset<PgTempEntry> for PgTempEntryBuilder<(T0, T1, T2)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgTempEntry> {
                let (v0, v1, v2) = &self.0;
                PgTempEntry::create(builder, v0, v1, v2)
            }
        }

        /// Reference to a deserialized [PgTempEntry].
        #[derive(Copy, Clone)]
        pub struct PgTempEntryRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PgTempEntryRef<'a> {
            /// Getter for the [`pool` field](PgTempEntry#structfield.pool).
            #[inline]
            pub fn pool(&self) -> ::planus::Result<i64> {
                ::core::result::Result::Ok(self.0.access(0, "PgTempEntry", "pool")?.unwrap_or(0))
            }

            /// Getter for the [`seed` field](PgTempEntry#structfield.seed).
            #[inline]
            pub fn seed(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(1, "PgTempEntry", "seed")?.unwrap_or(0))
            }

            /// Getter for the [`acting` field](PgTempEntry#structfield.acting).
            #[inline]
            pub fn acting(
                &self,
            ) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, u32>>> {
                self.0.access(2, "PgTempEntry", "acting")
            }
        }

        impl<'a> ::core::fmt::Debug for PgTempEntryRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgTempEntryRef");
                f.field("pool", &self.pool());
                f.field("seed", &self.seed());
                if let ::core::option::Option::Some(field_acting) = self.acting().transpose() {
                    f.field("acting", &field_acting);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PgTempEntryRef<'a>> for PgTempEntry {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PgTempEntryRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    pool: ::core::convert::TryInto::try_into(value.pool()?)?,
                    seed: ::core::convert::TryInto::try_into(value.seed()?)?,
                    acting: if let ::core::option::Option::Some(acting) = value.acting()? {
                        ::core::option::Option::Some(acting.to_vec()?)
                    } else {
                        ::core::option::Option::None
                    },
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgTempEntryRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PgTempEntryRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[PgTempEntryRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PgTempEntry>> for PgTempEntry {
            type Value = ::planus::Offset<PgTempEntry>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PgTempEntry>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PgTempEntryRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PgTempEntryRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `RotatingKeysRequest` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `RotatingKeysRequest` in the file `messenger/schema/kermes.fbs:100`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct RotatingKeysRequest {
            /// The field `service` in the table `RotatingKeysRequest`
            pub service: u32,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for RotatingKeysRequest {
            fn default() -> Self {
                Self { service: 0 }
            }
        }

        impl RotatingKeysRequest {
            /// Creates a [RotatingKeysRequestBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> RotatingKeysRequestBuilder<()> {
                RotatingKeysRequestBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_service: impl ::planus::WriteAsDefault<u32, u32>,
            ) -> ::planus::Offset<Self> {
                let prepared_service = field_service.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<6> =
                    ::core::default::Default::default();
                if prepared_service.is_some() {
                    table_writer.write_entry::<u32>(0);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_service) = prepared_service {
                            object_writer.write::<_, _, 4>(&prepared_service);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<RotatingKeysRequest>> for RotatingKeysRequest {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::planus::Offset<RotatingKeysRequest> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<RotatingKeysRequest>> for RotatingKeysRequest {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<RotatingKeysRequest>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<RotatingKeysRequest> for RotatingKeysRequest {
            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::planus::Offset<RotatingKeysRequest> {
                RotatingKeysRequest::create(builder, self.service)
            }
        }

        /// Builder for serializing an instance of the [RotatingKeysRequest] type.
        ///
        /// Can be created using the [RotatingKeysRequest::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct RotatingKeysRequestBuilder<State>(State);

        impl RotatingKeysRequestBuilder<()> {
            /// Setter for the [`service` field](RotatingKeysRequest#structfield.service).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn service<T0>(self, value: T0) -> RotatingKeysRequestBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u32, u32>,
            {
                RotatingKeysRequestBuilder((value,))
            }

            /// Sets the [`service` field](RotatingKeysRequest#structfield.service) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn service_as_default(
                self,
            ) -> RotatingKeysRequestBuilder<(::planus::DefaultValue,)> {
                self.service(::planus::DefaultValue)
            }
        }

        impl<T0> RotatingKeysRequestBuilder<(T0,)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [RotatingKeysRequest].
            #[inline]
            pub fn finish(
                self,
                builder: &mut ::planus::Builder,
            ) -> ::planus::Offset<RotatingKeysRequest>
            where
                Self: ::planus::WriteAsOffset<RotatingKeysRequest>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<T0: ::planus::WriteAsDefault<u32, u32>>
            ::planus::WriteAs<::planus::Offset<RotatingKeysRequest>>
            for RotatingKeysRequestBuilder<(T0,)>
        {
            type Prepared = ::planus::Offset<RotatingKeysRequest>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::planus::Offset<RotatingKeysRequest> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<T0: ::planus::WriteAsDefault<u32, u32>>
            ::planus::WriteAsOptional<::planus::Offset<RotatingKeysRequest>>
            for RotatingKeysRequestBuilder<(T0,)>
        {
            type Prepared = ::planus::Offset<RotatingKeysRequest>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<RotatingKeysRequest>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<T0: ::planus::WriteAsDefault<u32, u32>> ::planus::WriteAsOffset<RotatingKeysRequest>
            for RotatingKeysRequestBuilder<(T0,)>
        {
            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::planus::Offset<RotatingKeysRequest> {
                let (v0,) = &self.0;
                RotatingKeysRequest::create(builder, v0)
            }
        }

        /// Reference to a deserialized [RotatingKeysRequest].
        #[derive(Copy, Clone)]
        pub struct RotatingKeysRequestRef<'a>(
            #[allow(dead_code)] ::planus::table_reader::Table<'a>,
        );

        impl<'a> RotatingKeysRequestRef<'a> {
            /// Getter for the [`service` field](RotatingKeysRequest#structfield.service).
            #[inline]
            pub fn service(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(0, "RotatingKeysRequest", "service")?.unwrap_or(0),
                )
            }
        }

        impl<'a> ::core::fmt::Debug for RotatingKeysRequestRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("RotatingKeysRequestRef");
                f.field("service", &self.service());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<RotatingKeysRequestRef<'a>> for RotatingKeysRequest {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: RotatingKeysRequestRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    service: ::core::convert::TryInto::try_into(value.service()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for RotatingKeysRequestRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for RotatingKeysRequestRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[RotatingKeysRequestRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<RotatingKeysRequest>> for RotatingKeysRequest {
            type Value = ::planus::Offset<RotatingKeysRequest>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<RotatingKeysRequest>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for RotatingKeysRequestRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[RotatingKeysRequestRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `RotatingKeysReply` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `RotatingKeysReply` in the file `messenger/schema/kermes.fbs:101`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct RotatingKeysReply {
            /// The field `service` in the table `RotatingKeysReply`
            pub service: u32,
            /// The field `keys` in the table `RotatingKeysReply`
            pub keys: ::core::option::Option<::planus::alloc::vec::Vec<self::RotatingKey>>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for RotatingKeysReply {
            fn default() -> Self {
                Self { service: 0, keys: ::core::default::Default::default() }
            }
        }

        impl RotatingKeysReply {
            /// Creates a [RotatingKeysReplyBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> RotatingKeysReplyBuilder<()> {
                RotatingKeysReplyBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_service: impl ::planus::WriteAsDefault<u32, u32>,
                field_keys: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::RotatingKey>]>,
                >,
            ) -> ::planus::Offset<Self> {
                let prepared_service = field_service.prepare(builder, &0);
                let prepared_keys = field_keys.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<8> =
                    ::core::default::Default::default();
                if prepared_service.is_some() {
                    table_writer.write_entry::<u32>(0);
                }
                if prepared_keys.is_some() {
                    table_writer
                        .write_entry::<::planus::Offset<[::planus::Offset<self::RotatingKey>]>>(1);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_service) = prepared_service {
                            object_writer.write::<_, _, 4>(&prepared_service);
                        }
                        if let ::core::option::Option::Some(prepared_keys) = prepared_keys {
                            object_writer.write::<_, _, 4>(&prepared_keys);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<RotatingKeysReply>> for RotatingKeysReply {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::planus::Offset<RotatingKeysReply> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<RotatingKeysReply>> for RotatingKeysReply {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<RotatingKeysReply>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<RotatingKeysReply> for RotatingKeysReply {
            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::planus::Offset<RotatingKeysReply> {
                RotatingKeysReply::create(builder, self.service, &self.keys)
            }
        }

        /// Builder for serializing an instance of the [RotatingKeysReply] type.
        ///
        /// Can be created using the [RotatingKeysReply::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct RotatingKeysReplyBuilder<State>(State);

        impl RotatingKeysReplyBuilder<()> {
            /// Setter for the [`service` field](RotatingKeysReply#structfield.service).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn service<T0>(self, value: T0) -> RotatingKeysReplyBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u32, u32>,
            {
                RotatingKeysReplyBuilder((value,))
            }

            /// Sets the [`service` field](RotatingKeysReply#structfield.service) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn service_as_default(self) -> RotatingKeysReplyBuilder<(::planus::DefaultValue,)> {
                self.service(::planus::DefaultValue)
            }
        }

        impl<T0> RotatingKeysReplyBuilder<(T0,)> {
            /// Setter for the [`keys` field](RotatingKeysReply#structfield.keys).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn keys<T1>(self, value: T1) -> RotatingKeysReplyBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::RotatingKey>]>,
                >,
            {
                let (v0,) = self.0;
                RotatingKeysReplyBuilder((v0, value))
            }

            /// Sets the [`keys` field](RotatingKeysReply#structfield.keys) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn keys_as_null(self) -> RotatingKeysReplyBuilder<(T0, ())> {
                self.keys(())
            }
        }

        impl<T0, T1> RotatingKeysReplyBuilder<(T0, T1)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [RotatingKeysReply].
            #[inline]
            pub fn finish(
                self,
                builder: &mut ::planus::Builder,
            ) -> ::planus::Offset<RotatingKeysReply>
            where
                Self: ::planus::WriteAsOffset<RotatingKeysReply>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::RotatingKey>]>>,
            > ::planus::WriteAs<::planus::Offset<RotatingKeysReply>>
            for RotatingKeysReplyBuilder<(T0, T1)>
        {
            type Prepared = ::planus::Offset<RotatingKeysReply>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::planus::Offset<RotatingKeysReply> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::RotatingKey>]>>,
            > ::planus::WriteAsOptional<::planus::Offset<RotatingKeysReply>>
            for RotatingKeysReplyBuilder<(T0, T1)>
        {
            type Prepared = ::planus::Offset<RotatingKeysReply>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<RotatingKeysReply>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::RotatingKey>]>>,
            > ::planus::WriteAsOffset<RotatingKeysReply> for RotatingKeysReplyBuilder<(T0, T1)>
        {
            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::planus::Offset<RotatingKeysReply> {
                let (v0, v1) = &self.0;
                RotatingKeysReply::create(builder, v0, v1)
            }
        }

        /// Reference to a deserialized [RotatingKeysReply].
        #[derive(Copy, Clone)]
        pub struct RotatingKeysReplyRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> RotatingKeysReplyRef<'a> {
            /// Getter for the [`service` field](RotatingKeysReply#structfield.service).
            #[inline]
            pub fn service(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(0, "RotatingKeysReply", "service")?.unwrap_or(0),
                )
            }

            /// Getter for the [`keys` field](RotatingKeysReply#structfield.keys).
            #[inline]
            pub fn keys(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<
                    ::planus::Vector<'a, ::planus::Result<self::RotatingKeyRef<'a>>>,
                >,
            > {
                self.0.access(1, "RotatingKeysReply", "keys")
            }
        }

        impl<'a> ::core::fmt::Debug for RotatingKeysReplyRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("RotatingKeysReplyRef");
                f.field("service", &self.service());
                if let ::core::option::Option::Some(field_keys) = self.keys().transpose() {
                    f.field("keys", &field_keys);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<RotatingKeysReplyRef<'a>> for RotatingKeysReply {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: RotatingKeysReplyRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    service: ::core::convert::TryInto::try_into(value.service()?)?,
                    keys: if let ::core::option::Option::Some(keys) = value.keys()? {
                        ::core::option::Option::Some(keys.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for RotatingKeysReplyRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for RotatingKeysReplyRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[RotatingKeysReplyRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<RotatingKeysReply>> for RotatingKeysReply {
            type Value = ::planus::Offset<RotatingKeysReply>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<RotatingKeysReply>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for RotatingKeysReplyRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[RotatingKeysReplyRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `RotatingKey` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `RotatingKey` in the file `messenger/schema/kermes.fbs:102`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct RotatingKey {
            /// The field `id` in the table `RotatingKey`
            pub id: u64,
            /// The field `key` in the table `RotatingKey`
            pub key: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
            /// The field `expires_sec` in the table `RotatingKey`
            pub expires_sec: u32,
            /// The field `expires_nsec` in the table `RotatingKey`
            pub expires_nsec: u32,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for RotatingKey {
            fn default() -> Self {
                Self {
                    id: 0,
                    key: ::core::default::Default::default(),
                    expires_sec: 0,
                    expires_nsec: 0,
                }
            }
        }

        impl RotatingKey {
            /// Creates a [RotatingKeyBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> RotatingKeyBuilder<()> {
                RotatingKeyBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_id: impl ::planus::WriteAsDefault<u64, u64>,
                field_key: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                field_expires_sec: impl ::planus::WriteAsDefault<u32, u32>,
                field_expires_nsec: impl ::planus::WriteAsDefault<u32, u32>,
            ) -> ::planus::Offset<Self> {
                let prepared_id = field_id.prepare(builder, &0);
                let prepared_key = field_key.prepare(builder);
                let prepared_expires_sec = field_expires_sec.prepare(builder, &0);
                let prepared_expires_nsec = field_expires_nsec.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<12> =
                    ::core::default::Default::default();
                if prepared_id.is_some() {
                    table_writer.write_entry::<u64>(0);
                }
                if prepared_key.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(1);
                }
                if prepared_expires_sec.is_some() {
                    table_writer.write_entry::<u32>(2);
                }
                if prepared_expires_nsec.is_some() {
                    table_writer.write_entry::<u32>(3);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_id) = prepared_id {
                            object_writer.write::<_, _, 8>(&prepared_id);
                        }
                        if let ::core::option::Option::Some(prepared_key) = prepared_key {
                            object_writer.write::<_, _, 4>(&prepared_key);
                        }
                        if let ::core::option::Option::Some(prepared_expires_sec) =
                            prepared_expires_sec
                        {
                            object_writer.write::<_, _, 4>(&prepared_expires_sec);
                        }
                        if let ::core::option::Option::Some(prepared_expires_nsec) =
                            prepared_expires_nsec
                        {
                            object_writer.write::<_, _, 4>(&prepared_expires_nsec);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<RotatingKey>> for RotatingKey {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<RotatingKey> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<RotatingKey>> for RotatingKey {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<RotatingKey>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<RotatingKey> for RotatingKey {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<RotatingKey> {
                RotatingKey::create(
                    builder,
                    self.id,
                    &self.key,
                    self.expires_sec,
                    self.expires_nsec,
                )
            }
        }

        /// Builder for serializing an instance of the [RotatingKey] type.
        ///
        /// Can be created using the [RotatingKey::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct RotatingKeyBuilder<State>(State);

        impl RotatingKeyBuilder<()> {
            /// Setter for the [`id` field](RotatingKey#structfield.id).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn id<T0>(self, value: T0) -> RotatingKeyBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u64, u64>,
            {
                RotatingKeyBuilder((value,))
            }

            /// Sets the [`id` field](RotatingKey#structfield.id) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn id_as_default(self) -> RotatingKeyBuilder<(::planus::DefaultValue,)> {
                self.id(::planus::DefaultValue)
            }
        }

        impl<T0> RotatingKeyBuilder<(T0,)> {
            /// Setter for the [`key` field](RotatingKey#structfield.key).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn key<T1>(self, value: T1) -> RotatingKeyBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                let (v0,) = self.0;
                RotatingKeyBuilder((v0, value))
            }

            /// Sets the [`key` field](RotatingKey#structfield.key) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn key_as_null(self) -> RotatingKeyBuilder<(T0, ())> {
                self.key(())
            }
        }

        impl<T0, T1> RotatingKeyBuilder<(T0, T1)> {
            /// Setter for the [`expires_sec` field](RotatingKey#structfield.expires_sec).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn expires_sec<T2>(self, value: T2) -> RotatingKeyBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1) = self.0;
                RotatingKeyBuilder((v0, v1, value))
            }

            /// Sets the [`expires_sec` field](RotatingKey#structfield.expires_sec) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn expires_sec_as_default(
                self,
            ) -> RotatingKeyBuilder<(T0, T1, ::planus::DefaultValue)> {
                self.expires_sec(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2> RotatingKeyBuilder<(T0, T1, T2)> {
            /// Setter for the [`expires_nsec` field](RotatingKey#structfield.expires_nsec).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn expires_nsec<T3>(self, value: T3) -> RotatingKeyBuilder<(T0, T1, T2, T3)>
            where
                T3: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2) = self.0;
                RotatingKeyBuilder((v0, v1, v2, value))
            }

            /// Sets the [`expires_nsec` field](RotatingKey#structfield.expires_nsec) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn expires_nsec_as_default(
                self,
            ) -> RotatingKeyBuilder<(T0, T1, T2, ::planus::DefaultValue)> {
                self.expires_nsec(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3> RotatingKeyBuilder<(T0, T1, T2, T3)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [RotatingKey].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<RotatingKey>
            where
                Self: ::planus::WriteAsOffset<RotatingKey>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u64, u64>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAs<::planus::Offset<RotatingKey>>
            for RotatingKeyBuilder<(T0, T1, T2, T3)>
        {
            type Prepared = ::planus::Offset<RotatingKey>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<RotatingKey> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u64, u64>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOptional<::planus::Offset<RotatingKey>>
            for RotatingKeyBuilder<(T0, T1, T2, T3)>
        {
            type Prepared = ::planus::Offset<RotatingKey>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<RotatingKey>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u64, u64>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOffset<RotatingKey> for RotatingKeyBuilder<(T0, T1, T2, T3)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<RotatingKey> {
                let (v0, v1, v2, v3) = &self.0;
                RotatingKey::create(builder, v0, v1, v2, v3)
            }
        }

        /// Reference to a deserialized [RotatingKey].
        #[derive(Copy, Clone)]
        pub struct RotatingKeyRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> RotatingKeyRef<'a> {
            /// Getter for the [`id` field](RotatingKey#structfield.id).
            #[inline]
            pub fn id(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(0, "RotatingKey", "id")?.unwrap_or(0))
            }

            /// Getter for the [`key` field](RotatingKey#structfield.key).
            #[inline]
            pub fn key(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(1, "RotatingKey", "key")
            }

            /// Getter for the [`expires_sec` field](RotatingKey#structfield.expires_sec).
            #[inline]
            pub fn expires_sec(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(2, "RotatingKey", "expires_sec")?.unwrap_or(0),
                )
            }

            /// Getter for the [`expires_nsec` field](RotatingKey#structfield.expires_nsec).
            #[inline]
            pub fn expires_nsec(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(3, "RotatingKey", "expires_nsec")?.unwrap_or(0),
                )
            }
        }

        impl<'a> ::core::fmt::Debug for RotatingKeyRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("RotatingKeyRef");
                f.field("id", &self.id());
                if let ::core::option::Option::Some(field_key) = self.key().transpose() {
                    f.field("key", &field_key);
                }
                f.field("expires_sec", &self.expires_sec());
                f.field("expires_nsec", &self.expires_nsec());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<RotatingKeyRef<'a>> for RotatingKey {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: RotatingKeyRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    id: ::core::convert::TryInto::try_into(value.id()?)?,
                    key: value.key()?.map(|v| v.to_vec()),
                    expires_sec: ::core::convert::TryInto::try_into(value.expires_sec()?)?,
                    expires_nsec: ::core::convert::TryInto::try_into(value.expires_nsec()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for RotatingKeyRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for RotatingKeyRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[RotatingKeyRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<RotatingKey>> for RotatingKey {
            type Value = ::planus::Offset<RotatingKey>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<RotatingKey>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for RotatingKeyRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[RotatingKeyRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `Heartbeat` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `Heartbeat` in the file `messenger/schema/kermes.fbs:108`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct Heartbeat {
            /// The field `reply` in the table `Heartbeat`
            pub reply: bool,
            /// The field `epoch` in the table `Heartbeat`
            pub epoch: u32,
            /// The field `stamp` in the table `Heartbeat`
            pub stamp: u64,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for Heartbeat {
            fn default() -> Self {
                Self { reply: false, epoch: 0, stamp: 0 }
            }
        }

        impl Heartbeat {
            /// Creates a [HeartbeatBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> HeartbeatBuilder<()> {
                HeartbeatBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_reply: impl ::planus::WriteAsDefault<bool, bool>,
                field_epoch: impl ::planus::WriteAsDefault<u32, u32>,
                field_stamp: impl ::planus::WriteAsDefault<u64, u64>,
            ) -> ::planus::Offset<Self> {
                let prepared_reply = field_reply.prepare(builder, &false);
                let prepared_epoch = field_epoch.prepare(builder, &0);
                let prepared_stamp = field_stamp.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<10> =
                    ::core::default::Default::default();
                if prepared_stamp.is_some() {
                    table_writer.write_entry::<u64>(2);
                }
                if prepared_epoch.is_some() {
                    table_writer.write_entry::<u32>(1);
                }
                if prepared_reply.is_some() {
                    table_writer.write_entry::<bool>(0);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_stamp) = prepared_stamp {
                            object_writer.write::<_, _, 8>(&prepared_stamp);
                        }
                        if let ::core::option::Option::Some(prepared_epoch) = prepared_epoch {
                            object_writer.write::<_, _, 4>(&prepared_epoch);
                        }
                        if let ::core::option::Option::Some(prepared_reply) = prepared_reply {
                            object_writer.write::<_, _, 1>(&prepared_reply);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<Heartbeat>> for Heartbeat {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Heartbeat> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<Heartbeat>> for Heartbeat {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<Heartbeat>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<Heartbeat> for Heartbeat {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Heartbeat> {
                Heartbeat::create(builder, self.reply, self.epoch, self.stamp)
            }
        }

        /// Builder for serializing an instance of the [Heartbeat] type.
        ///
        /// Can be created using the [Heartbeat::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct HeartbeatBuilder<State>(State);

        impl HeartbeatBuilder<()> {
            /// Setter for the [`reply` field](Heartbeat#structfield.reply).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reply<T0>(self, value: T0) -> HeartbeatBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<bool, bool>,
            {
                HeartbeatBuilder((value,))
            }

            /// Sets the [`reply` field](Heartbeat#structfield.reply) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reply_as_default(self) -> HeartbeatBuilder<(::planus::DefaultValue,)> {
                self.reply(::planus::DefaultValue)
            }
        }

        impl<T0> HeartbeatBuilder<(T0,)> {
            /// Setter for the [`epoch` field](Heartbeat#structfield.epoch).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch<T1>(self, value: T1) -> HeartbeatBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0,) = self.0;
                HeartbeatBuilder((v0, value))
            }

            /// Sets the [`epoch` field](Heartbeat#structfield.epoch) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn epoch_as_default(self) -> HeartbeatBuilder<(T0, ::planus::DefaultValue)> {
                self.epoch(::planus::DefaultValue)
            }
        }

        impl<T0, T1> HeartbeatBuilder<(T0, T1)> {
            /// Setter for the [`stamp` field](Heartbeat#structfield.stamp).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn stamp<T2>(self, value: T2) -> HeartbeatBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1) = self.0;
                HeartbeatBuilder((v0, v1, value))
            }

            /// Sets the [`stamp` field](Heartbeat#structfield.stamp) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn stamp_as_default(self) -> HeartbeatBuilder<(T0, T1, ::planus::DefaultValue)> {
                self.stamp(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2> HeartbeatBuilder<(T0, T1, T2)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [Heartbeat].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<Heartbeat>
            where
                Self: ::planus::WriteAsOffset<Heartbeat>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<bool, bool>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAs<::planus::Offset<Heartbeat>> for HeartbeatBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<Heartbeat>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Heartbeat> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<bool, bool>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAsOptional<::planus::Offset<Heartbeat>>
            for HeartbeatBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<Heartbeat>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<Heartbeat>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<bool, bool>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAsOffset<Heartbeat> for HeartbeatBuilder<(T0, T1, T2)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Heartbeat> {
                let (v0, v1, v2) = &self.0;
                Heartbeat::create(builder, v0, v1, v2)
            }
        }

        /// Reference to a deserialized [Heartbeat].
        #[derive(Copy, Clone)]
        pub struct HeartbeatRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> HeartbeatRef<'a> {
            /// Getter for the [`reply` field](Heartbeat#structfield.reply).
            #[inline]
            pub fn reply(&self) -> ::planus::Result<bool> {
                ::core::result::Result::Ok(self.0.access(0, "Heartbeat", "reply")?.unwrap_or(false))
            }

            /// Getter for the [`epoch` field](Heartbeat#structfield.epoch).
            #[inline]
            pub fn epoch(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(1, "Heartbeat", "epoch")?.unwrap_or(0))
            }

            /// Getter for the [`stamp` field](Heartbeat#structfield.stamp).
            #[inline]
            pub fn stamp(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(2, "Heartbeat", "stamp")?.unwrap_or(0))
            }
        }

        impl<'a> ::core::fmt::Debug for HeartbeatRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("HeartbeatRef");
                f.field("reply", &self.reply());
                f.field("epoch", &self.epoch());
                f.field("stamp", &self.stamp());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<HeartbeatRef<'a>> for Heartbeat {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: HeartbeatRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    reply: ::core::convert::TryInto::try_into(value.reply()?)?,
                    epoch: ::core::convert::TryInto::try_into(value.epoch()?)?,
                    stamp: ::core::convert::TryInto::try_into(value.stamp()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for HeartbeatRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for HeartbeatRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[HeartbeatRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<Heartbeat>> for Heartbeat {
            type Value = ::planus::Offset<Heartbeat>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<Heartbeat>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for HeartbeatRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[HeartbeatRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `OsdCores` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `OsdCores` in the file `messenger/schema/kermes.fbs:116`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct OsdCores {
            /// The field `store_shards` in the table `OsdCores`
            pub store_shards: u32,
            /// The field `addrs` in the table `OsdCores`
            pub addrs: ::core::option::Option<::planus::alloc::vec::Vec<self::Addrs>>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for OsdCores {
            fn default() -> Self {
                Self { store_shards: 0, addrs: ::core::default::Default::default() }
            }
        }

        impl OsdCores {
            /// Creates a [OsdCoresBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> OsdCoresBuilder<()> {
                OsdCoresBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_store_shards: impl ::planus::WriteAsDefault<u32, u32>,
                field_addrs: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::Addrs>]>,
                >,
            ) -> ::planus::Offset<Self> {
                let prepared_store_shards = field_store_shards.prepare(builder, &0);
                let prepared_addrs = field_addrs.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<8> =
                    ::core::default::Default::default();
                if prepared_store_shards.is_some() {
                    table_writer.write_entry::<u32>(0);
                }
                if prepared_addrs.is_some() {
                    table_writer
                        .write_entry::<::planus::Offset<[::planus::Offset<self::Addrs>]>>(1);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_store_shards) =
                            prepared_store_shards
                        {
                            object_writer.write::<_, _, 4>(&prepared_store_shards);
                        }
                        if let ::core::option::Option::Some(prepared_addrs) = prepared_addrs {
                            object_writer.write::<_, _, 4>(&prepared_addrs);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<OsdCores>> for OsdCores {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdCores> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<OsdCores>> for OsdCores {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<OsdCores>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<OsdCores> for OsdCores {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdCores> {
                OsdCores::create(builder, self.store_shards, &self.addrs)
            }
        }

        /// Builder for serializing an instance of the [OsdCores] type.
        ///
        /// Can be created using the [OsdCores::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct OsdCoresBuilder<State>(State);

        impl OsdCoresBuilder<()> {
            /// Setter for the [`store_shards` field](OsdCores#structfield.store_shards).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn store_shards<T0>(self, value: T0) -> OsdCoresBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u32, u32>,
            {
                OsdCoresBuilder((value,))
            }

            /// Sets the [`store_shards` field](OsdCores#structfield.store_shards) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn store_shards_as_default(self) -> OsdCoresBuilder<(::planus::DefaultValue,)> {
                self.store_shards(::planus::DefaultValue)
            }
        }

        impl<T0> OsdCoresBuilder<(T0,)> {
            /// Setter for the [`addrs` field](OsdCores#structfield.addrs).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn addrs<T1>(self, value: T1) -> OsdCoresBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Addrs>]>>,
            {
                let (v0,) = self.0;
                OsdCoresBuilder((v0, value))
            }

            /// Sets the [`addrs` field](OsdCores#structfield.addrs) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn addrs_as_null(self) -> OsdCoresBuilder<(T0, ())> {
                self.addrs(())
            }
        }

        impl<T0, T1> OsdCoresBuilder<(T0, T1)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [OsdCores].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdCores>
            where
                Self: ::planus::WriteAsOffset<OsdCores>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Addrs>]>>,
            > ::planus::WriteAs<::planus::Offset<OsdCores>> for OsdCoresBuilder<(T0, T1)>
        {
            type Prepared = ::planus::Offset<OsdCores>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdCores> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Addrs>]>>,
            > ::planus::WriteAsOptional<::planus::Offset<OsdCores>> for OsdCoresBuilder<(T0, T1)>
        {
            type Prepared = ::planus::Offset<OsdCores>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<OsdCores>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Addrs>]>>,
            > ::planus::WriteAsOffset<OsdCores> for OsdCoresBuilder<(T0, T1)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<OsdCores> {
                let (v0, v1) = &self.0;
                OsdCores::create(builder, v0, v1)
            }
        }

        /// Reference to a deserialized [OsdCores].
        #[derive(Copy, Clone)]
        pub struct OsdCoresRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> OsdCoresRef<'a> {
            /// Getter for the [`store_shards` field](OsdCores#structfield.store_shards).
            #[inline]
            pub fn store_shards(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(0, "OsdCores", "store_shards")?.unwrap_or(0),
                )
            }

            /// Getter for the [`addrs` field](OsdCores#structfield.addrs).
            #[inline]
            pub fn addrs(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<::planus::Vector<'a, ::planus::Result<self::AddrsRef<'a>>>>,
            > {
                self.0.access(1, "OsdCores", "addrs")
            }
        }

        impl<'a> ::core::fmt::Debug for OsdCoresRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("OsdCoresRef");
                f.field("store_shards", &self.store_shards());
                if let ::core::option::Option::Some(field_addrs) = self.addrs().transpose() {
                    f.field("addrs", &field_addrs);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<OsdCoresRef<'a>> for OsdCores {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: OsdCoresRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    store_shards: ::core::convert::TryInto::try_into(value.store_shards()?)?,
                    addrs: if let ::core::option::Option::Some(addrs) = value.addrs()? {
                        ::core::option::Option::Some(addrs.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for OsdCoresRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for OsdCoresRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[OsdCoresRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<OsdCores>> for OsdCores {
            type Value = ::planus::Offset<OsdCores>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<OsdCores>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for OsdCoresRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[OsdCoresRef]", "read_as_root", 0)
                })
            }
        }

        /// The struct `PgHead` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Struct `PgHead` in the file `messenger/schema/kermes.fbs:123`
        #[derive(
            Copy,
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            Default,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgHead {
            /// The field `pool` in the struct `PgHead`
            pub pool: i64,

            /// The field `seed` in the struct `PgHead`
            pub seed: u32,

            /// The field `epoch` in the struct `PgHead`
            pub epoch: u32,
        }

        /// # Safety
        /// The Planus compiler correctly calculates `ALIGNMENT` and `SIZE`.
        unsafe impl ::planus::Primitive for PgHead {
            const ALIGNMENT: usize = 8;
            const SIZE: usize = 16;
        }

        #[allow(clippy::identity_op)]
        impl ::planus::WriteAsPrimitive<PgHead> for PgHead {
            #[inline]
            fn write<const N: usize>(&self, cursor: ::planus::Cursor<'_, N>, buffer_position: u32) {
                let (cur, cursor) = cursor.split::<8, 8>();
                self.pool.write(cur, buffer_position - 0);
                let (cur, cursor) = cursor.split::<4, 4>();
                self.seed.write(cur, buffer_position - 8);
                let (cur, cursor) = cursor.split::<4, 0>();
                self.epoch.write(cur, buffer_position - 12);
                cursor.finish([]);
            }
        }

        impl ::planus::WriteAsOffset<PgHead> for PgHead {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgHead> {
                unsafe {
                    builder.write_with(16, 7, |buffer_position, bytes| {
                        let bytes = bytes.as_mut_ptr();

                        ::planus::WriteAsPrimitive::write(
                            self,
                            ::planus::Cursor::new(
                                &mut *(bytes as *mut [::core::mem::MaybeUninit<u8>; 16]),
                            ),
                            buffer_position,
                        );
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<PgHead> for PgHead {
            type Prepared = Self;
            #[inline]
            fn prepare(&self, _builder: &mut ::planus::Builder) -> Self {
                *self
            }
        }

        impl ::planus::WriteAsOptional<PgHead> for PgHead {
            type Prepared = Self;
            #[inline]
            fn prepare(&self, _builder: &mut ::planus::Builder) -> ::core::option::Option<Self> {
                ::core::option::Option::Some(*self)
            }
        }

        /// Reference to a deserialized [PgHead].
        #[derive(Copy, Clone)]
        pub struct PgHeadRef<'a>(::planus::ArrayWithStartOffset<'a, 16>);

        impl<'a> PgHeadRef<'a> {
            /// Getter for the [`pool` field](PgHead#structfield.pool).
            pub fn pool(&self) -> i64 {
                let buffer = self.0.advance_as_array::<8>(0).unwrap();

                i64::from_le_bytes(*buffer.as_array())
            }

            /// Getter for the [`seed` field](PgHead#structfield.seed).
            pub fn seed(&self) -> u32 {
                let buffer = self.0.advance_as_array::<4>(8).unwrap();

                u32::from_le_bytes(*buffer.as_array())
            }

            /// Getter for the [`epoch` field](PgHead#structfield.epoch).
            pub fn epoch(&self) -> u32 {
                let buffer = self.0.advance_as_array::<4>(12).unwrap();

                u32::from_le_bytes(*buffer.as_array())
            }
        }

        impl<'a> ::core::fmt::Debug for PgHeadRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgHeadRef");
                f.field("pool", &self.pool());
                f.field("seed", &self.seed());
                f.field("epoch", &self.epoch());
                f.finish()
            }
        }

        impl<'a> ::core::convert::From<::planus::ArrayWithStartOffset<'a, 16>> for PgHeadRef<'a> {
            fn from(array: ::planus::ArrayWithStartOffset<'a, 16>) -> Self {
                Self(array)
            }
        }

        impl<'a> ::core::convert::From<PgHeadRef<'a>> for PgHead {
            #[allow(unreachable_code)]
            fn from(value: PgHeadRef<'a>) -> Self {
                Self { pool: value.pool(), seed: value.seed(), epoch: value.epoch() }
            }
        }

        impl<'a, 'b> ::core::cmp::PartialEq<PgHeadRef<'a>> for PgHeadRef<'b> {
            fn eq(&self, other: &PgHeadRef<'_>) -> bool {
                self.pool() == other.pool()
                    && self.seed() == other.seed()
                    && self.epoch() == other.epoch()
            }
        }

        impl<'a> ::core::cmp::Eq for PgHeadRef<'a> {}
        impl<'a, 'b> ::core::cmp::PartialOrd<PgHeadRef<'a>> for PgHeadRef<'b> {
            fn partial_cmp(
                &self,
                other: &PgHeadRef<'_>,
            ) -> ::core::option::Option<::core::cmp::Ordering> {
                ::core::option::Option::Some(::core::cmp::Ord::cmp(self, other))
            }
        }

        impl<'a> ::core::cmp::Ord for PgHeadRef<'a> {
            fn cmp(&self, other: &PgHeadRef<'_>) -> ::core::cmp::Ordering {
                self.pool()
                    .cmp(&other.pool())
                    .then_with(|| self.seed().cmp(&other.seed()))
                    .then_with(|| self.epoch().cmp(&other.epoch()))
            }
        }

        impl<'a> ::core::hash::Hash for PgHeadRef<'a> {
            fn hash<H: ::core::hash::Hasher>(&self, state: &mut H) {
                self.pool().hash(state);
                self.seed().hash(state);
                self.epoch().hash(state);
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgHeadRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                let buffer = buffer.advance_as_array::<16>(offset)?;
                ::core::result::Result::Ok(Self(buffer))
            }
        }

        impl<'a> ::planus::VectorRead<'a> for PgHeadRef<'a> {
            const STRIDE: usize = 16;

            #[inline]
            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> Self {
                Self(unsafe { buffer.unchecked_advance_as_array(offset) })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<PgHead> for PgHead {
            const STRIDE: usize = 16;

            type Value = PgHead;

            #[inline]
            fn prepare(&self, _builder: &mut ::planus::Builder) -> Self::Value {
                *self
            }

            #[inline]
            unsafe fn write_values(
                values: &[PgHead],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 16];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (16 * i) as u32,
                    );
                }
            }
        }

        /// The struct `Version` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Struct `Version` in the file `messenger/schema/kermes.fbs:129`
        #[derive(
            Copy,
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            Default,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct Version {
            /// The field `version` in the struct `Version`
            pub version: u64,

            /// The field `epoch` in the struct `Version`
            pub epoch: u32,
        }

        /// # Safety
        /// The Planus compiler correctly calculates `ALIGNMENT` and `SIZE`.
        unsafe impl ::planus::Primitive for Version {
            const ALIGNMENT: usize = 8;
            const SIZE: usize = 16;
        }

        #[allow(clippy::identity_op)]
        impl ::planus::WriteAsPrimitive<Version> for Version {
            #[inline]
            fn write<const N: usize>(&self, cursor: ::planus::Cursor<'_, N>, buffer_position: u32) {
                let (cur, cursor) = cursor.split::<8, 8>();
                self.version.write(cur, buffer_position - 0);
                let (cur, cursor) = cursor.split::<4, 4>();
                self.epoch.write(cur, buffer_position - 8);
                let cursor = cursor.write::<4, 0>([0; 4]);
                cursor.finish([]);
            }
        }

        impl ::planus::WriteAsOffset<Version> for Version {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Version> {
                unsafe {
                    builder.write_with(16, 7, |buffer_position, bytes| {
                        let bytes = bytes.as_mut_ptr();

                        ::planus::WriteAsPrimitive::write(
                            self,
                            ::planus::Cursor::new(
                                &mut *(bytes as *mut [::core::mem::MaybeUninit<u8>; 16]),
                            ),
                            buffer_position,
                        );
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<Version> for Version {
            type Prepared = Self;
            #[inline]
            fn prepare(&self, _builder: &mut ::planus::Builder) -> Self {
                *self
            }
        }

        impl ::planus::WriteAsOptional<Version> for Version {
            type Prepared = Self;
            #[inline]
            fn prepare(&self, _builder: &mut ::planus::Builder) -> ::core::option::Option<Self> {
                ::core::option::Option::Some(*self)
            }
        }

        /// Reference to a deserialized [Version].
        #[derive(Copy, Clone)]
        pub struct VersionRef<'a>(::planus::ArrayWithStartOffset<'a, 16>);

        impl<'a> VersionRef<'a> {
            /// Getter for the [`version` field](Version#structfield.version).
            pub fn version(&self) -> u64 {
                let buffer = self.0.advance_as_array::<8>(0).unwrap();

                u64::from_le_bytes(*buffer.as_array())
            }

            /// Getter for the [`epoch` field](Version#structfield.epoch).
            pub fn epoch(&self) -> u32 {
                let buffer = self.0.advance_as_array::<4>(8).unwrap();

                u32::from_le_bytes(*buffer.as_array())
            }
        }

        impl<'a> ::core::fmt::Debug for VersionRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("VersionRef");
                f.field("version", &self.version());
                f.field("epoch", &self.epoch());
                f.finish()
            }
        }

        impl<'a> ::core::convert::From<::planus::ArrayWithStartOffset<'a, 16>> for VersionRef<'a> {
            fn from(array: ::planus::ArrayWithStartOffset<'a, 16>) -> Self {
                Self(array)
            }
        }

        impl<'a> ::core::convert::From<VersionRef<'a>> for Version {
            #[allow(unreachable_code)]
            fn from(value: VersionRef<'a>) -> Self {
                Self { version: value.version(), epoch: value.epoch() }
            }
        }

        impl<'a, 'b> ::core::cmp::PartialEq<VersionRef<'a>> for VersionRef<'b> {
            fn eq(&self, other: &VersionRef<'_>) -> bool {
                self.version() == other.version() && self.epoch() == other.epoch()
            }
        }

        impl<'a> ::core::cmp::Eq for VersionRef<'a> {}
        impl<'a, 'b> ::core::cmp::PartialOrd<VersionRef<'a>> for VersionRef<'b> {
            fn partial_cmp(
                &self,
                other: &VersionRef<'_>,
            ) -> ::core::option::Option<::core::cmp::Ordering> {
                ::core::option::Option::Some(::core::cmp::Ord::cmp(self, other))
            }
        }

        impl<'a> ::core::cmp::Ord for VersionRef<'a> {
            fn cmp(&self, other: &VersionRef<'_>) -> ::core::cmp::Ordering {
                self.version().cmp(&other.version()).then_with(|| self.epoch().cmp(&other.epoch()))
            }
        }

        impl<'a> ::core::hash::Hash for VersionRef<'a> {
            fn hash<H: ::core::hash::Hasher>(&self, state: &mut H) {
                self.version().hash(state);
                self.epoch().hash(state);
            }
        }

        impl<'a> ::planus::TableRead<'a> for VersionRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                let buffer = buffer.advance_as_array::<16>(offset)?;
                ::core::result::Result::Ok(Self(buffer))
            }
        }

        impl<'a> ::planus::VectorRead<'a> for VersionRef<'a> {
            const STRIDE: usize = 16;

            #[inline]
            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> Self {
                Self(unsafe { buffer.unchecked_advance_as_array(offset) })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<Version> for Version {
            const STRIDE: usize = 16;

            type Value = Version;

            #[inline]
            fn prepare(&self, _builder: &mut ::planus::Builder) -> Self::Value {
                *self
            }

            #[inline]
            unsafe fn write_values(
                values: &[Version],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 16];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (16 * i) as u32,
                    );
                }
            }
        }

        /// The enum `CopyState` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Enum `CopyState` in the file `messenger/schema/kermes.fbs:132`
        #[derive(
            Copy,
            Clone,
            Debug,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        #[repr(u8)]
        pub enum CopyState {
            /// The variant `Complete` in the enum `CopyState`
            Complete = 1,

            /// The variant `Recovering` in the enum `CopyState`
            Recovering = 2,

            /// The variant `Incomplete` in the enum `CopyState`
            Incomplete = 3,
        }

        impl CopyState {
            /// Array containing all valid variants of CopyState
            pub const ENUM_VALUES: [Self; 3] = [Self::Complete, Self::Recovering, Self::Incomplete];
        }

        impl ::core::convert::TryFrom<u8> for CopyState {
            type Error = ::planus::errors::UnknownEnumTagKind;
            #[inline]
            fn try_from(
                value: u8,
            ) -> ::core::result::Result<Self, ::planus::errors::UnknownEnumTagKind> {
                #[allow(clippy::match_single_binding)]
                match value {
                    1 => ::core::result::Result::Ok(CopyState::Complete),
                    2 => ::core::result::Result::Ok(CopyState::Recovering),
                    3 => ::core::result::Result::Ok(CopyState::Incomplete),

                    _ => ::core::result::Result::Err(::planus::errors::UnknownEnumTagKind {
                        tag: value as i128,
                    }),
                }
            }
        }

        impl ::core::convert::From<CopyState> for u8 {
            #[inline]
            fn from(value: CopyState) -> Self {
                value as u8
            }
        }

        /// # Safety
        /// The Planus compiler correctly calculates `ALIGNMENT` and `SIZE`.
        unsafe impl ::planus::Primitive for CopyState {
            const ALIGNMENT: usize = 1;
            const SIZE: usize = 1;
        }

        impl ::planus::WriteAsPrimitive<CopyState> for CopyState {
            #[inline]
            fn write<const N: usize>(&self, cursor: ::planus::Cursor<'_, N>, buffer_position: u32) {
                (*self as u8).write(cursor, buffer_position);
            }
        }

        impl ::planus::WriteAs<CopyState> for CopyState {
            type Prepared = Self;

            #[inline]
            fn prepare(&self, _builder: &mut ::planus::Builder) -> CopyState {
                *self
            }
        }

        impl ::planus::WriteAsDefault<CopyState, CopyState> for CopyState {
            type Prepared = Self;

            #[inline]
            fn prepare(
                &self,
                _builder: &mut ::planus::Builder,
                default: &CopyState,
            ) -> ::core::option::Option<CopyState> {
                if self == default {
                    ::core::option::Option::None
                } else {
                    ::core::option::Option::Some(*self)
                }
            }
        }

        impl ::planus::WriteAsOptional<CopyState> for CopyState {
            type Prepared = Self;

            #[inline]
            fn prepare(
                &self,
                _builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<CopyState> {
                ::core::option::Option::Some(*self)
            }
        }

        impl<'buf> ::planus::TableRead<'buf> for CopyState {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'buf>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                let n: u8 = ::planus::TableRead::from_buffer(buffer, offset)?;
                ::core::result::Result::Ok(::core::convert::TryInto::try_into(n)?)
            }
        }

        impl<'buf> ::planus::VectorReadInner<'buf> for CopyState {
            type Error = ::planus::errors::UnknownEnumTag;
            const STRIDE: usize = 1;
            #[inline]
            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'buf>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::UnknownEnumTag> {
                let value = unsafe { *buffer.buffer.get_unchecked(offset) };
                let value: ::core::result::Result<Self, _> =
                    ::core::convert::TryInto::try_into(value);
                value.map_err(|error_kind| {
                    error_kind.with_error_location(
                        "CopyState",
                        "VectorRead::from_buffer",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<CopyState> for CopyState {
            const STRIDE: usize = 1;

            type Value = Self;

            #[inline]
            fn prepare(&self, _builder: &mut ::planus::Builder) -> Self {
                *self
            }

            #[inline]
            unsafe fn write_values(
                values: &[Self],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 1];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - i as u32,
                    );
                }
            }
        }

        /// The table `CopyInfo` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `CopyInfo` in the file `messenger/schema/kermes.fbs:134`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct CopyInfo {
            /// The field `state` in the table `CopyInfo`
            pub state: self::CopyState,
            /// The field `last_started` in the table `CopyInfo`
            pub last_started: u32,
            /// The field `head` in the table `CopyInfo`
            pub head: self::Version,
            /// The field `tail` in the table `CopyInfo`
            pub tail: self::Version,
            /// The field `past` in the table `CopyInfo`
            pub past: ::core::option::Option<::planus::alloc::vec::Vec<self::PastInterval>>,
            /// The field `past_unknown` in the table `CopyInfo`
            pub past_unknown: bool,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for CopyInfo {
            fn default() -> Self {
                Self {
                    state: self::CopyState::Incomplete,
                    last_started: 0,
                    head: ::core::default::Default::default(),
                    tail: ::core::default::Default::default(),
                    past: ::core::default::Default::default(),
                    past_unknown: false,
                }
            }
        }

        impl CopyInfo {
            /// Creates a [CopyInfoBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> CopyInfoBuilder<()> {
                CopyInfoBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_state: impl ::planus::WriteAsDefault<self::CopyState, self::CopyState>,
                field_last_started: impl ::planus::WriteAsDefault<u32, u32>,
                field_head: impl ::planus::WriteAs<self::Version>,
                field_tail: impl ::planus::WriteAs<self::Version>,
                field_past: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::PastInterval>]>,
                >,
                field_past_unknown: impl ::planus::WriteAsDefault<bool, bool>,
            ) -> ::planus::Offset<Self> {
                let prepared_state = field_state.prepare(builder, &self::CopyState::Incomplete);
                let prepared_last_started = field_last_started.prepare(builder, &0);
                let prepared_head = field_head.prepare(builder);
                let prepared_tail = field_tail.prepare(builder);
                let prepared_past = field_past.prepare(builder);
                let prepared_past_unknown = field_past_unknown.prepare(builder, &false);

                let mut table_writer: ::planus::table_writer::TableWriter<16> =
                    ::core::default::Default::default();
                table_writer.write_entry::<self::Version>(2);
                table_writer.write_entry::<self::Version>(3);
                if prepared_last_started.is_some() {
                    table_writer.write_entry::<u32>(1);
                }
                if prepared_past.is_some() {
                    table_writer
                        .write_entry::<::planus::Offset<[::planus::Offset<self::PastInterval>]>>(4);
                }
                if prepared_state.is_some() {
                    table_writer.write_entry::<self::CopyState>(0);
                }
                if prepared_past_unknown.is_some() {
                    table_writer.write_entry::<bool>(5);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        object_writer.write::<_, _, 16>(&prepared_head);
                        object_writer.write::<_, _, 16>(&prepared_tail);
                        if let ::core::option::Option::Some(prepared_last_started) =
                            prepared_last_started
                        {
                            object_writer.write::<_, _, 4>(&prepared_last_started);
                        }
                        if let ::core::option::Option::Some(prepared_past) = prepared_past {
                            object_writer.write::<_, _, 4>(&prepared_past);
                        }
                        if let ::core::option::Option::Some(prepared_state) = prepared_state {
                            object_writer.write::<_, _, 1>(&prepared_state);
                        }
                        if let ::core::option::Option::Some(prepared_past_unknown) =
                            prepared_past_unknown
                        {
                            object_writer.write::<_, _, 1>(&prepared_past_unknown);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<CopyInfo>> for CopyInfo {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<CopyInfo> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<CopyInfo>> for CopyInfo {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<CopyInfo>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<CopyInfo> for CopyInfo {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<CopyInfo> {
                CopyInfo::create(
                    builder,
                    self.state,
                    self.last_started,
                    self.head,
                    self.tail,
                    &self.past,
                    self.past_unknown,
                )
            }
        }

        /// Builder for serializing an instance of the [CopyInfo] type.
        ///
        /// Can be created using the [CopyInfo::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct CopyInfoBuilder<State>(State);

        impl CopyInfoBuilder<()> {
            /// Setter for the [`state` field](CopyInfo#structfield.state).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn state<T0>(self, value: T0) -> CopyInfoBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<self::CopyState, self::CopyState>,
            {
                CopyInfoBuilder((value,))
            }

            /// Sets the [`state` field](CopyInfo#structfield.state) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn state_as_default(self) -> CopyInfoBuilder<(::planus::DefaultValue,)> {
                self.state(::planus::DefaultValue)
            }
        }

        impl<T0> CopyInfoBuilder<(T0,)> {
            /// Setter for the [`last_started` field](CopyInfo#structfield.last_started).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn last_started<T1>(self, value: T1) -> CopyInfoBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0,) = self.0;
                CopyInfoBuilder((v0, value))
            }

            /// Sets the [`last_started` field](CopyInfo#structfield.last_started) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn last_started_as_default(self) -> CopyInfoBuilder<(T0, ::planus::DefaultValue)> {
                self.last_started(::planus::DefaultValue)
            }
        }

        impl<T0, T1> CopyInfoBuilder<(T0, T1)> {
            /// Setter for the [`head` field](CopyInfo#structfield.head).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn head<T2>(self, value: T2) -> CopyInfoBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAs<self::Version>,
            {
                let (v0, v1) = self.0;
                CopyInfoBuilder((v0, v1, value))
            }
        }

        impl<T0, T1, T2> CopyInfoBuilder<(T0, T1, T2)> {
            /// Setter for the [`tail` field](CopyInfo#structfield.tail).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn tail<T3>(self, value: T3) -> CopyInfoBuilder<(T0, T1, T2, T3)>
            where
                T3: ::planus::WriteAs<self::Version>,
            {
                let (v0, v1, v2) = self.0;
                CopyInfoBuilder((v0, v1, v2, value))
            }
        }

        impl<T0, T1, T2, T3> CopyInfoBuilder<(T0, T1, T2, T3)> {
            /// Setter for the [`past` field](CopyInfo#structfield.past).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn past<T4>(self, value: T4) -> CopyInfoBuilder<(T0, T1, T2, T3, T4)>
            where
                T4: ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::PastInterval>]>,
                >,
            {
                let (v0, v1, v2, v3) = self.0;
                CopyInfoBuilder((v0, v1, v2, v3, value))
            }

            /// Sets the [`past` field](CopyInfo#structfield.past) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn past_as_null(self) -> CopyInfoBuilder<(T0, T1, T2, T3, ())> {
                self.past(())
            }
        }

        impl<T0, T1, T2, T3, T4> CopyInfoBuilder<(T0, T1, T2, T3, T4)> {
            /// Setter for the [`past_unknown` field](CopyInfo#structfield.past_unknown).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn past_unknown<T5>(self, value: T5) -> CopyInfoBuilder<(T0, T1, T2, T3, T4, T5)>
            where
                T5: ::planus::WriteAsDefault<bool, bool>,
            {
                let (v0, v1, v2, v3, v4) = self.0;
                CopyInfoBuilder((v0, v1, v2, v3, v4, value))
            }

            /// Sets the [`past_unknown` field](CopyInfo#structfield.past_unknown) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn past_unknown_as_default(
                self,
            ) -> CopyInfoBuilder<(T0, T1, T2, T3, T4, ::planus::DefaultValue)> {
                self.past_unknown(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5> CopyInfoBuilder<(T0, T1, T2, T3, T4, T5)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [CopyInfo].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<CopyInfo>
            where
                Self: ::planus::WriteAsOffset<CopyInfo>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<self::CopyState, self::CopyState>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAs<self::Version>,
                T3: ::planus::WriteAs<self::Version>,
                T4: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::PastInterval>]>>,
                T5: ::planus::WriteAsDefault<bool, bool>,
            > ::planus::WriteAs<::planus::Offset<CopyInfo>>
            for CopyInfoBuilder<(T0, T1, T2, T3, T4, T5)>
        {
            type Prepared = ::planus::Offset<CopyInfo>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<CopyInfo> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<self::CopyState, self::CopyState>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAs<self::Version>,
                T3: ::planus::WriteAs<self::Version>,
                T4: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::PastInterval>]>>,
                T5: ::planus::WriteAsDefault<bool, bool>,
            > ::planus::WriteAsOptional<::planus::Offset<CopyInfo>>
            for CopyInfoBuilder<(T0, T1, T2, T3, T4, T5)>
        {
            type Prepared = ::planus::Offset<CopyInfo>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<CopyInfo>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<self::CopyState, self::CopyState>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAs<self::Version>,
                T3: ::planus::WriteAs<self::Version>,
                T4: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::PastInterval>]>>,
                T5: ::planus::WriteAsDefault<bool, bool>,
            > ::planus::WriteAsOffset<CopyInfo> for CopyInfoBuilder<(T0, T1, T2, T3, T4, T5)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<CopyInfo> {
                let (v0, v1, v2, v3, v4, v5) = &self.0;
                CopyInfo::create(builder, v0, v1, v2, v3, v4, v5)
            }
        }

        /// Reference to a deserialized [CopyInfo].
        #[derive(Copy, Clone)]
        pub struct CopyInfoRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> CopyInfoRef<'a> {
            /// Getter for the [`state` field](CopyInfo#structfield.state).
            #[inline]
            pub fn state(&self) -> ::planus::Result<self::CopyState> {
                ::core::result::Result::Ok(
                    self.0.access(0, "CopyInfo", "state")?.unwrap_or(self::CopyState::Incomplete),
                )
            }

            /// Getter for the [`last_started` field](CopyInfo#structfield.last_started).
            #[inline]
            pub fn last_started(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(1, "CopyInfo", "last_started")?.unwrap_or(0),
                )
            }

            /// Getter for the [`head` field](CopyInfo#structfield.head).
            #[inline]
            pub fn head(&self) -> ::planus::Result<self::VersionRef<'a>> {
                self.0.access_required(2, "CopyInfo", "head")
            }

            /// Getter for the [`tail` field](CopyInfo#structfield.tail).
            #[inline]
            pub fn tail(&self) -> ::planus::Result<self::VersionRef<'a>> {
                self.0.access_required(3, "CopyInfo", "tail")
            }

            /// Getter for the [`past` field](CopyInfo#structfield.past).
            #[inline]
            pub fn past(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<
                    ::planus::Vector<'a, ::planus::Result<self::PastIntervalRef<'a>>>,
                >,
            > {
                self.0.access(4, "CopyInfo", "past")
            }

            /// Getter for the [`past_unknown` field](CopyInfo#structfield.past_unknown).
            #[inline]
            pub fn past_unknown(&self) -> ::planus::Result<bool> {
                ::core::result::Result::Ok(
                    self.0.access(5, "CopyInfo", "past_unknown")?.unwrap_or(false),
                )
            }
        }

        impl<'a> ::core::fmt::Debug for CopyInfoRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("CopyInfoRef");
                f.field("state", &self.state());
                f.field("last_started", &self.last_started());
                f.field("head", &self.head());
                f.field("tail", &self.tail());
                if let ::core::option::Option::Some(field_past) = self.past().transpose() {
                    f.field("past", &field_past);
                }
                f.field("past_unknown", &self.past_unknown());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<CopyInfoRef<'a>> for CopyInfo {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: CopyInfoRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    state: ::core::convert::TryInto::try_into(value.state()?)?,
                    last_started: ::core::convert::TryInto::try_into(value.last_started()?)?,
                    head: ::core::convert::Into::into(value.head()?),
                    tail: ::core::convert::Into::into(value.tail()?),
                    past: if let ::core::option::Option::Some(past) = value.past()? {
                        ::core::option::Option::Some(past.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                    past_unknown: ::core::convert::TryInto::try_into(value.past_unknown()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for CopyInfoRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for CopyInfoRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[CopyInfoRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<CopyInfo>> for CopyInfo {
            type Value = ::planus::Offset<CopyInfo>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<CopyInfo>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for CopyInfoRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[CopyInfoRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PastInterval` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PastInterval` in the file `messenger/schema/kermes.fbs:144`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PastInterval {
            /// The field `first` in the table `PastInterval`
            pub first: u32,
            /// The field `last` in the table `PastInterval`
            pub last: u32,
            /// The field `acting` in the table `PastInterval`
            pub acting: ::core::option::Option<::planus::alloc::vec::Vec<u32>>,
            /// The field `primary` in the table `PastInterval`
            pub primary: u32,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PastInterval {
            fn default() -> Self {
                Self { first: 0, last: 0, acting: ::core::default::Default::default(), primary: 0 }
            }
        }

        impl PastInterval {
            /// Creates a [PastIntervalBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PastIntervalBuilder<()> {
                PastIntervalBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_first: impl ::planus::WriteAsDefault<u32, u32>,
                field_last: impl ::planus::WriteAsDefault<u32, u32>,
                field_acting: impl ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                field_primary: impl ::planus::WriteAsDefault<u32, u32>,
            ) -> ::planus::Offset<Self> {
                let prepared_first = field_first.prepare(builder, &0);
                let prepared_last = field_last.prepare(builder, &0);
                let prepared_acting = field_acting.prepare(builder);
                let prepared_primary = field_primary.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<12> =
                    ::core::default::Default::default();
                if prepared_first.is_some() {
                    table_writer.write_entry::<u32>(0);
                }
                if prepared_last.is_some() {
                    table_writer.write_entry::<u32>(1);
                }
                if prepared_acting.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u32]>>(2);
                }
                if prepared_primary.is_some() {
                    table_writer.write_entry::<u32>(3);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_first) = prepared_first {
                            object_writer.write::<_, _, 4>(&prepared_first);
                        }
                        if let ::core::option::Option::Some(prepared_last) = prepared_last {
                            object_writer.write::<_, _, 4>(&prepared_last);
                        }
                        if let ::core::option::Option::Some(prepared_acting) = prepared_acting {
                            object_writer.write::<_, _, 4>(&prepared_acting);
                        }
                        if let ::core::option::Option::Some(prepared_primary) = prepared_primary {
                            object_writer.write::<_, _, 4>(&prepared_primary);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PastInterval>> for PastInterval {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PastInterval> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PastInterval>> for PastInterval {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PastInterval>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PastInterval> for PastInterval {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PastInterval> {
                PastInterval::create(builder, self.first, self.last, &self.acting, self.primary)
            }
        }

        /// Builder for serializing an instance of the [PastInterval] type.
        ///
        /// Can be created using the [PastInterval::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PastIntervalBuilder<State>(State);

        impl PastIntervalBuilder<()> {
            /// Setter for the [`first` field](PastInterval#structfield.first).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn first<T0>(self, value: T0) -> PastIntervalBuilder<(T0,)>
            where
                T0: ::planus::WriteAsDefault<u32, u32>,
            {
                PastIntervalBuilder((value,))
            }

            /// Sets the [`first` field](PastInterval#structfield.first) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn first_as_default(self) -> PastIntervalBuilder<(::planus::DefaultValue,)> {
                self.first(::planus::DefaultValue)
            }
        }

        impl<T0> PastIntervalBuilder<(T0,)> {
            /// Setter for the [`last` field](PastInterval#structfield.last).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn last<T1>(self, value: T1) -> PastIntervalBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0,) = self.0;
                PastIntervalBuilder((v0, value))
            }

            /// Sets the [`last` field](PastInterval#structfield.last) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn last_as_default(self) -> PastIntervalBuilder<(T0, ::planus::DefaultValue)> {
                self.last(::planus::DefaultValue)
            }
        }

        impl<T0, T1> PastIntervalBuilder<(T0, T1)> {
            /// Setter for the [`acting` field](PastInterval#structfield.acting).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn acting<T2>(self, value: T2) -> PastIntervalBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
            {
                let (v0, v1) = self.0;
                PastIntervalBuilder((v0, v1, value))
            }

            /// Sets the [`acting` field](PastInterval#structfield.acting) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn acting_as_null(self) -> PastIntervalBuilder<(T0, T1, ())> {
                self.acting(())
            }
        }

        impl<T0, T1, T2> PastIntervalBuilder<(T0, T1, T2)> {
            /// Setter for the [`primary` field](PastInterval#structfield.primary).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn primary<T3>(self, value: T3) -> PastIntervalBuilder<(T0, T1, T2, T3)>
            where
                T3: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1, v2) = self.0;
                PastIntervalBuilder((v0, v1, v2, value))
            }

            /// Sets the [`primary` field](PastInterval#structfield.primary) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn primary_as_default(
                self,
            ) -> PastIntervalBuilder<(T0, T1, T2, ::planus::DefaultValue)> {
                self.primary(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3> PastIntervalBuilder<(T0, T1, T2, T3)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PastInterval].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PastInterval>
            where
                Self: ::planus::WriteAsOffset<PastInterval>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                T3: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAs<::planus::Offset<PastInterval>>
            for PastIntervalBuilder<(T0, T1, T2, T3)>
        {
            type Prepared = ::planus::Offset<PastInterval>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PastInterval> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                T3: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOptional<::planus::Offset<PastInterval>>
            for PastIntervalBuilder<(T0, T1, T2, T3)>
        {
            type Prepared = ::planus::Offset<PastInterval>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PastInterval>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsDefault<u32, u32>,
                T1: ::planus::WriteAsDefault<u32, u32>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[u32]>>,
                T3: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOffset<PastInterval> for PastIntervalBuilder<(T0, T1, T2, T3)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PastInterval> {
                let (v0, v1, v2, v3) = &self.0;
                PastInterval::create(builder, v0, v1, v2, v3)
            }
        }

        /// Reference to a deserialized [PastInterval].
        #[derive(Copy, Clone)]
        pub struct PastIntervalRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PastIntervalRef<'a> {
            /// Getter for the [`first` field](PastInterval#structfield.first).
            #[inline]
            pub fn first(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(0, "PastInterval", "first")?.unwrap_or(0))
            }

            /// Getter for the [`last` field](PastInterval#structfield.last).
            #[inline]
            pub fn last(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(1, "PastInterval", "last")?.unwrap_or(0))
            }

            /// Getter for the [`acting` field](PastInterval#structfield.acting).
            #[inline]
            pub fn acting(
                &self,
            ) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, u32>>> {
                self.0.access(2, "PastInterval", "acting")
            }

            /// Getter for the [`primary` field](PastInterval#structfield.primary).
            #[inline]
            pub fn primary(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(
                    self.0.access(3, "PastInterval", "primary")?.unwrap_or(0),
                )
            }
        }

        impl<'a> ::core::fmt::Debug for PastIntervalRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PastIntervalRef");
                f.field("first", &self.first());
                f.field("last", &self.last());
                if let ::core::option::Option::Some(field_acting) = self.acting().transpose() {
                    f.field("acting", &field_acting);
                }
                f.field("primary", &self.primary());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PastIntervalRef<'a>> for PastInterval {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PastIntervalRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    first: ::core::convert::TryInto::try_into(value.first()?)?,
                    last: ::core::convert::TryInto::try_into(value.last()?)?,
                    acting: if let ::core::option::Option::Some(acting) = value.acting()? {
                        ::core::option::Option::Some(acting.to_vec()?)
                    } else {
                        ::core::option::Option::None
                    },
                    primary: ::core::convert::TryInto::try_into(value.primary()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PastIntervalRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PastIntervalRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[PastIntervalRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PastInterval>> for PastInterval {
            type Value = ::planus::Offset<PastInterval>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PastInterval>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PastIntervalRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PastIntervalRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `Blob` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `Blob` in the file `messenger/schema/kermes.fbs:147`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct Blob {
            /// The field `bytes` in the table `Blob`
            pub bytes: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for Blob {
            fn default() -> Self {
                Self { bytes: ::core::default::Default::default() }
            }
        }

        impl Blob {
            /// Creates a [BlobBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> BlobBuilder<()> {
                BlobBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_bytes: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            ) -> ::planus::Offset<Self> {
                let prepared_bytes = field_bytes.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<6> =
                    ::core::default::Default::default();
                if prepared_bytes.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(0);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_bytes) = prepared_bytes {
                            object_writer.write::<_, _, 4>(&prepared_bytes);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<Blob>> for Blob {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Blob> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<Blob>> for Blob {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<Blob>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<Blob> for Blob {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Blob> {
                Blob::create(builder, &self.bytes)
            }
        }

        /// Builder for serializing an instance of the [Blob] type.
        ///
        /// Can be created using the [Blob::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct BlobBuilder<State>(State);

        impl BlobBuilder<()> {
            /// Setter for the [`bytes` field](Blob#structfield.bytes).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn bytes<T0>(self, value: T0) -> BlobBuilder<(T0,)>
            where
                T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                BlobBuilder((value,))
            }

            /// Sets the [`bytes` field](Blob#structfield.bytes) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn bytes_as_null(self) -> BlobBuilder<((),)> {
                self.bytes(())
            }
        }

        impl<T0> BlobBuilder<(T0,)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [Blob].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<Blob>
            where
                Self: ::planus::WriteAsOffset<Blob>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>>
            ::planus::WriteAs<::planus::Offset<Blob>> for BlobBuilder<(T0,)>
        {
            type Prepared = ::planus::Offset<Blob>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Blob> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>>
            ::planus::WriteAsOptional<::planus::Offset<Blob>> for BlobBuilder<(T0,)>
        {
            type Prepared = ::planus::Offset<Blob>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<Blob>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>> ::planus::WriteAsOffset<Blob>
            for BlobBuilder<(T0,)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Blob> {
                let (v0,) = &self.0;
                Blob::create(builder, v0)
            }
        }

        /// Reference to a deserialized [Blob].
        #[derive(Copy, Clone)]
        pub struct BlobRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> BlobRef<'a> {
            /// Getter for the [`bytes` field](Blob#structfield.bytes).
            #[inline]
            pub fn bytes(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(0, "Blob", "bytes")
            }
        }

        impl<'a> ::core::fmt::Debug for BlobRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("BlobRef");
                if let ::core::option::Option::Some(field_bytes) = self.bytes().transpose() {
                    f.field("bytes", &field_bytes);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<BlobRef<'a>> for Blob {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: BlobRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self { bytes: value.bytes()?.map(|v| v.to_vec()) })
            }
        }

        impl<'a> ::planus::TableRead<'a> for BlobRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for BlobRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[BlobRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<Blob>> for Blob {
            type Value = ::planus::Offset<Blob>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<Blob>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for BlobRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[BlobRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `Pair` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `Pair` in the file `messenger/schema/kermes.fbs:148`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct Pair {
            /// The field `name` in the table `Pair`
            pub name: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
            /// The field `value` in the table `Pair`
            pub value: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for Pair {
            fn default() -> Self {
                Self {
                    name: ::core::default::Default::default(),
                    value: ::core::default::Default::default(),
                }
            }
        }

        impl Pair {
            /// Creates a [PairBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PairBuilder<()> {
                PairBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_name: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                field_value: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            ) -> ::planus::Offset<Self> {
                let prepared_name = field_name.prepare(builder);
                let prepared_value = field_value.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<8> =
                    ::core::default::Default::default();
                if prepared_name.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(0);
                }
                if prepared_value.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(1);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        if let ::core::option::Option::Some(prepared_name) = prepared_name {
                            object_writer.write::<_, _, 4>(&prepared_name);
                        }
                        if let ::core::option::Option::Some(prepared_value) = prepared_value {
                            object_writer.write::<_, _, 4>(&prepared_value);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<Pair>> for Pair {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Pair> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<Pair>> for Pair {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<Pair>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<Pair> for Pair {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Pair> {
                Pair::create(builder, &self.name, &self.value)
            }
        }

        /// Builder for serializing an instance of the [Pair] type.
        ///
        /// Can be created using the [Pair::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PairBuilder<State>(State);

        impl PairBuilder<()> {
            /// Setter for the [`name` field](Pair#structfield.name).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn name<T0>(self, value: T0) -> PairBuilder<(T0,)>
            where
                T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                PairBuilder((value,))
            }

            /// Sets the [`name` field](Pair#structfield.name) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn name_as_null(self) -> PairBuilder<((),)> {
                self.name(())
            }
        }

        impl<T0> PairBuilder<(T0,)> {
            /// Setter for the [`value` field](Pair#structfield.value).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn value<T1>(self, value: T1) -> PairBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                let (v0,) = self.0;
                PairBuilder((v0, value))
            }

            /// Sets the [`value` field](Pair#structfield.value) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn value_as_null(self) -> PairBuilder<(T0, ())> {
                self.value(())
            }
        }

        impl<T0, T1> PairBuilder<(T0, T1)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [Pair].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<Pair>
            where
                Self: ::planus::WriteAsOffset<Pair>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            > ::planus::WriteAs<::planus::Offset<Pair>> for PairBuilder<(T0, T1)>
        {
            type Prepared = ::planus::Offset<Pair>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Pair> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            > ::planus::WriteAsOptional<::planus::Offset<Pair>> for PairBuilder<(T0, T1)>
        {
            type Prepared = ::planus::Offset<Pair>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<Pair>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            > ::planus::WriteAsOffset<Pair> for PairBuilder<(T0, T1)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<Pair> {
                let (v0, v1) = &self.0;
                Pair::create(builder, v0, v1)
            }
        }

        /// Reference to a deserialized [Pair].
        #[derive(Copy, Clone)]
        pub struct PairRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PairRef<'a> {
            /// Getter for the [`name` field](Pair#structfield.name).
            #[inline]
            pub fn name(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(0, "Pair", "name")
            }

            /// Getter for the [`value` field](Pair#structfield.value).
            #[inline]
            pub fn value(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(1, "Pair", "value")
            }
        }

        impl<'a> ::core::fmt::Debug for PairRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PairRef");
                if let ::core::option::Option::Some(field_name) = self.name().transpose() {
                    f.field("name", &field_name);
                }
                if let ::core::option::Option::Some(field_value) = self.value().transpose() {
                    f.field("value", &field_value);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PairRef<'a>> for Pair {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PairRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    name: value.name()?.map(|v| v.to_vec()),
                    value: value.value()?.map(|v| v.to_vec()),
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PairRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PairRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[PairRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<Pair>> for Pair {
            type Value = ::planus::Offset<Pair>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<Pair>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PairRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PairRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PgRequest` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PgRequest` in the file `messenger/schema/kermes.fbs:151`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgRequest {
            /// The field `head` in the table `PgRequest`
            pub head: self::PgHead,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PgRequest {
            fn default() -> Self {
                Self { head: ::core::default::Default::default() }
            }
        }

        impl PgRequest {
            /// Creates a [PgRequestBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PgRequestBuilder<()> {
                PgRequestBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_head: impl ::planus::WriteAs<self::PgHead>,
            ) -> ::planus::Offset<Self> {
                let prepared_head = field_head.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<6> =
                    ::core::default::Default::default();
                table_writer.write_entry::<self::PgHead>(0);

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        object_writer.write::<_, _, 16>(&prepared_head);
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PgRequest>> for PgRequest {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgRequest> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PgRequest>> for PgRequest {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgRequest>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PgRequest> for PgRequest {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgRequest> {
                PgRequest::create(builder, self.head)
            }
        }

        /// Builder for serializing an instance of the [PgRequest] type.
        ///
        /// Can be created using the [PgRequest::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PgRequestBuilder<State>(State);

        impl PgRequestBuilder<()> {
            /// Setter for the [`head` field](PgRequest#structfield.head).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn head<T0>(self, value: T0) -> PgRequestBuilder<(T0,)>
            where
                T0: ::planus::WriteAs<self::PgHead>,
            {
                PgRequestBuilder((value,))
            }
        }

        impl<T0> PgRequestBuilder<(T0,)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PgRequest].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgRequest>
            where
                Self: ::planus::WriteAsOffset<PgRequest>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<T0: ::planus::WriteAs<self::PgHead>> ::planus::WriteAs<::planus::Offset<PgRequest>>
            for PgRequestBuilder<(T0,)>
        {
            type Prepared = ::planus::Offset<PgRequest>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgRequest> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<T0: ::planus::WriteAs<self::PgHead>>
            ::planus::WriteAsOptional<::planus::Offset<PgRequest>> for PgRequestBuilder<(T0,)>
        {
            type Prepared = ::planus::Offset<PgRequest>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgRequest>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<T0: ::planus::WriteAs<self::PgHead>> ::planus::WriteAsOffset<PgRequest>
            for PgRequestBuilder<(T0,)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgRequest> {
                let (v0,) = &self.0;
                PgRequest::create(builder, v0)
            }
        }

        /// Reference to a deserialized [PgRequest].
        #[derive(Copy, Clone)]
        pub struct PgRequestRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PgRequestRef<'a> {
            /// Getter for the [`head` field](PgRequest#structfield.head).
            #[inline]
            pub fn head(&self) -> ::planus::Result<self::PgHeadRef<'a>> {
                self.0.access_required(0, "PgRequest", "head")
            }
        }

        impl<'a> ::core::fmt::Debug for PgRequestRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgRequestRef");
                f.field("head", &self.head());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PgRequestRef<'a>> for PgRequest {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PgRequestRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    head: ::core::convert::Into::into(value.head()?),
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgRequestRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PgRequestRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[PgRequestRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PgRequest>> for PgRequest {
            type Value = ::planus::Offset<PgRequest>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PgRequest>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PgRequestRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PgRequestRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PgObject` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PgObject` in the file `messenger/schema/kermes.fbs:153`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgObject {
            /// The field `head` in the table `PgObject`
            pub head: self::PgHead,
            /// The field `object` in the table `PgObject`
            pub object: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
            /// The field `sequence` in the table `PgObject`
            pub sequence: u32,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PgObject {
            fn default() -> Self {
                Self {
                    head: ::core::default::Default::default(),
                    object: ::core::default::Default::default(),
                    sequence: 0,
                }
            }
        }

        impl PgObject {
            /// Creates a [PgObjectBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PgObjectBuilder<()> {
                PgObjectBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_head: impl ::planus::WriteAs<self::PgHead>,
                field_object: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                field_sequence: impl ::planus::WriteAsDefault<u32, u32>,
            ) -> ::planus::Offset<Self> {
                let prepared_head = field_head.prepare(builder);
                let prepared_object = field_object.prepare(builder);
                let prepared_sequence = field_sequence.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<10> =
                    ::core::default::Default::default();
                table_writer.write_entry::<self::PgHead>(0);
                if prepared_object.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(1);
                }
                if prepared_sequence.is_some() {
                    table_writer.write_entry::<u32>(2);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        object_writer.write::<_, _, 16>(&prepared_head);
                        if let ::core::option::Option::Some(prepared_object) = prepared_object {
                            object_writer.write::<_, _, 4>(&prepared_object);
                        }
                        if let ::core::option::Option::Some(prepared_sequence) = prepared_sequence {
                            object_writer.write::<_, _, 4>(&prepared_sequence);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PgObject>> for PgObject {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgObject> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PgObject>> for PgObject {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgObject>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PgObject> for PgObject {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgObject> {
                PgObject::create(builder, self.head, &self.object, self.sequence)
            }
        }

        /// Builder for serializing an instance of the [PgObject] type.
        ///
        /// Can be created using the [PgObject::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PgObjectBuilder<State>(State);

        impl PgObjectBuilder<()> {
            /// Setter for the [`head` field](PgObject#structfield.head).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn head<T0>(self, value: T0) -> PgObjectBuilder<(T0,)>
            where
                T0: ::planus::WriteAs<self::PgHead>,
            {
                PgObjectBuilder((value,))
            }
        }

        impl<T0> PgObjectBuilder<(T0,)> {
            /// Setter for the [`object` field](PgObject#structfield.object).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn object<T1>(self, value: T1) -> PgObjectBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                let (v0,) = self.0;
                PgObjectBuilder((v0, value))
            }

            /// Sets the [`object` field](PgObject#structfield.object) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn object_as_null(self) -> PgObjectBuilder<(T0, ())> {
                self.object(())
            }
        }

        impl<T0, T1> PgObjectBuilder<(T0, T1)> {
            /// Setter for the [`sequence` field](PgObject#structfield.sequence).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn sequence<T2>(self, value: T2) -> PgObjectBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1) = self.0;
                PgObjectBuilder((v0, v1, value))
            }

            /// Sets the [`sequence` field](PgObject#structfield.sequence) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn sequence_as_default(self) -> PgObjectBuilder<(T0, T1, ::planus::DefaultValue)> {
                self.sequence(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2> PgObjectBuilder<(T0, T1, T2)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PgObject].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgObject>
            where
                Self: ::planus::WriteAsOffset<PgObject>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAs<::planus::Offset<PgObject>> for PgObjectBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<PgObject>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgObject> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOptional<::planus::Offset<PgObject>>
            for PgObjectBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<PgObject>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgObject>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsDefault<u32, u32>,
            > ::planus::WriteAsOffset<PgObject> for PgObjectBuilder<(T0, T1, T2)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgObject> {
                let (v0, v1, v2) = &self.0;
                PgObject::create(builder, v0, v1, v2)
            }
        }

        /// Reference to a deserialized [PgObject].
        #[derive(Copy, Clone)]
        pub struct PgObjectRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PgObjectRef<'a> {
            /// Getter for the [`head` field](PgObject#structfield.head).
            #[inline]
            pub fn head(&self) -> ::planus::Result<self::PgHeadRef<'a>> {
                self.0.access_required(0, "PgObject", "head")
            }

            /// Getter for the [`object` field](PgObject#structfield.object).
            #[inline]
            pub fn object(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(1, "PgObject", "object")
            }

            /// Getter for the [`sequence` field](PgObject#structfield.sequence).
            #[inline]
            pub fn sequence(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(2, "PgObject", "sequence")?.unwrap_or(0))
            }
        }

        impl<'a> ::core::fmt::Debug for PgObjectRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgObjectRef");
                f.field("head", &self.head());
                if let ::core::option::Option::Some(field_object) = self.object().transpose() {
                    f.field("object", &field_object);
                }
                f.field("sequence", &self.sequence());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PgObjectRef<'a>> for PgObject {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PgObjectRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    head: ::core::convert::Into::into(value.head()?),
                    object: value.object()?.map(|v| v.to_vec()),
                    sequence: ::core::convert::TryInto::try_into(value.sequence()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgObjectRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PgObjectRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[PgObjectRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PgObject>> for PgObject {
            type Value = ::planus::Offset<PgObject>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PgObject>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PgObjectRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PgObjectRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PgInfo` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PgInfo` in the file `messenger/schema/kermes.fbs:160`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgInfo {
            /// The field `head` in the table `PgInfo`
            pub head: self::PgHead,
            /// The field `copy` in the table `PgInfo`
            pub copy: ::core::option::Option<::planus::alloc::boxed::Box<self::CopyInfo>>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PgInfo {
            fn default() -> Self {
                Self {
                    head: ::core::default::Default::default(),
                    copy: ::core::default::Default::default(),
                }
            }
        }

        impl PgInfo {
            /// Creates a [PgInfoBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PgInfoBuilder<()> {
                PgInfoBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_head: impl ::planus::WriteAs<self::PgHead>,
                field_copy: impl ::planus::WriteAsOptional<::planus::Offset<self::CopyInfo>>,
            ) -> ::planus::Offset<Self> {
                let prepared_head = field_head.prepare(builder);
                let prepared_copy = field_copy.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<8> =
                    ::core::default::Default::default();
                table_writer.write_entry::<self::PgHead>(0);
                if prepared_copy.is_some() {
                    table_writer.write_entry::<::planus::Offset<self::CopyInfo>>(1);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        object_writer.write::<_, _, 16>(&prepared_head);
                        if let ::core::option::Option::Some(prepared_copy) = prepared_copy {
                            object_writer.write::<_, _, 4>(&prepared_copy);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PgInfo>> for PgInfo {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgInfo> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PgInfo>> for PgInfo {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgInfo>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PgInfo> for PgInfo {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgInfo> {
                PgInfo::create(builder, self.head, &self.copy)
            }
        }

        /// Builder for serializing an instance of the [PgInfo] type.
        ///
        /// Can be created using the [PgInfo::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PgInfoBuilder<State>(State);

        impl PgInfoBuilder<()> {
            /// Setter for the [`head` field](PgInfo#structfield.head).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn head<T0>(self, value: T0) -> PgInfoBuilder<(T0,)>
            where
                T0: ::planus::WriteAs<self::PgHead>,
            {
                PgInfoBuilder((value,))
            }
        }

        impl<T0> PgInfoBuilder<(T0,)> {
            /// Setter for the [`copy` field](PgInfo#structfield.copy).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn copy<T1>(self, value: T1) -> PgInfoBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsOptional<::planus::Offset<self::CopyInfo>>,
            {
                let (v0,) = self.0;
                PgInfoBuilder((v0, value))
            }

            /// Sets the [`copy` field](PgInfo#structfield.copy) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn copy_as_null(self) -> PgInfoBuilder<(T0, ())> {
                self.copy(())
            }
        }

        impl<T0, T1> PgInfoBuilder<(T0, T1)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PgInfo].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgInfo>
            where
                Self: ::planus::WriteAsOffset<PgInfo>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<self::CopyInfo>>,
            > ::planus::WriteAs<::planus::Offset<PgInfo>> for PgInfoBuilder<(T0, T1)>
        {
            type Prepared = ::planus::Offset<PgInfo>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgInfo> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<self::CopyInfo>>,
            > ::planus::WriteAsOptional<::planus::Offset<PgInfo>> for PgInfoBuilder<(T0, T1)>
        {
            type Prepared = ::planus::Offset<PgInfo>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgInfo>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<self::CopyInfo>>,
            > ::planus::WriteAsOffset<PgInfo> for PgInfoBuilder<(T0, T1)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgInfo> {
                let (v0, v1) = &self.0;
                PgInfo::create(builder, v0, v1)
            }
        }

        /// Reference to a deserialized [PgInfo].
        #[derive(Copy, Clone)]
        pub struct PgInfoRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PgInfoRef<'a> {
            /// Getter for the [`head` field](PgInfo#structfield.head).
            #[inline]
            pub fn head(&self) -> ::planus::Result<self::PgHeadRef<'a>> {
                self.0.access_required(0, "PgInfo", "head")
            }

            /// Getter for the [`copy` field](PgInfo#structfield.copy).
            #[inline]
            pub fn copy(&self) -> ::planus::Result<::core::option::Option<self::CopyInfoRef<'a>>> {
                self.0.access(1, "PgInfo", "copy")
            }
        }

        impl<'a> ::core::fmt::Debug for PgInfoRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgInfoRef");
                f.field("head", &self.head());
                if let ::core::option::Option::Some(field_copy) = self.copy().transpose() {
                    f.field("copy", &field_copy);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PgInfoRef<'a>> for PgInfo {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PgInfoRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    head: ::core::convert::Into::into(value.head()?),
                    copy: if let ::core::option::Option::Some(copy) = value.copy()? {
                        ::core::option::Option::Some(::planus::alloc::boxed::Box::new(
                            ::core::convert::TryInto::try_into(copy)?,
                        ))
                    } else {
                        ::core::option::Option::None
                    },
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgInfoRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PgInfoRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[PgInfoRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PgInfo>> for PgInfo {
            type Value = ::planus::Offset<PgInfo>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PgInfo>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PgInfoRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PgInfoRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PgLog` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PgLog` in the file `messenger/schema/kermes.fbs:161`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgLog {
            /// The field `head` in the table `PgLog`
            pub head: self::PgHead,
            /// The field `copy` in the table `PgLog`
            pub copy: ::planus::alloc::boxed::Box<self::CopyInfo>,
            /// The field `entries` in the table `PgLog`
            pub entries: ::core::option::Option<::planus::alloc::vec::Vec<self::Blob>>,
            /// The field `dirty` in the table `PgLog`
            pub dirty: ::core::option::Option<::planus::alloc::vec::Vec<self::Blob>>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PgLog {
            fn default() -> Self {
                Self {
                    head: ::core::default::Default::default(),
                    copy: ::core::default::Default::default(),
                    entries: ::core::default::Default::default(),
                    dirty: ::core::default::Default::default(),
                }
            }
        }

        impl PgLog {
            /// Creates a [PgLogBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PgLogBuilder<()> {
                PgLogBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_head: impl ::planus::WriteAs<self::PgHead>,
                field_copy: impl ::planus::WriteAs<::planus::Offset<self::CopyInfo>>,
                field_entries: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::Blob>]>,
                >,
                field_dirty: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::Blob>]>,
                >,
            ) -> ::planus::Offset<Self> {
                let prepared_head = field_head.prepare(builder);
                let prepared_copy = field_copy.prepare(builder);
                let prepared_entries = field_entries.prepare(builder);
                let prepared_dirty = field_dirty.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<12> =
                    ::core::default::Default::default();
                table_writer.write_entry::<self::PgHead>(0);
                table_writer.write_entry::<::planus::Offset<self::CopyInfo>>(1);
                if prepared_entries.is_some() {
                    table_writer.write_entry::<::planus::Offset<[::planus::Offset<self::Blob>]>>(2);
                }
                if prepared_dirty.is_some() {
                    table_writer.write_entry::<::planus::Offset<[::planus::Offset<self::Blob>]>>(3);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        object_writer.write::<_, _, 16>(&prepared_head);
                        object_writer.write::<_, _, 4>(&prepared_copy);
                        if let ::core::option::Option::Some(prepared_entries) = prepared_entries {
                            object_writer.write::<_, _, 4>(&prepared_entries);
                        }
                        if let ::core::option::Option::Some(prepared_dirty) = prepared_dirty {
                            object_writer.write::<_, _, 4>(&prepared_dirty);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PgLog>> for PgLog {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgLog> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PgLog>> for PgLog {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgLog>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PgLog> for PgLog {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgLog> {
                PgLog::create(builder, self.head, &self.copy, &self.entries, &self.dirty)
            }
        }

        /// Builder for serializing an instance of the [PgLog] type.
        ///
        /// Can be created using the [PgLog::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PgLogBuilder<State>(State);

        impl PgLogBuilder<()> {
            /// Setter for the [`head` field](PgLog#structfield.head).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn head<T0>(self, value: T0) -> PgLogBuilder<(T0,)>
            where
                T0: ::planus::WriteAs<self::PgHead>,
            {
                PgLogBuilder((value,))
            }
        }

        impl<T0> PgLogBuilder<(T0,)> {
            /// Setter for the [`copy` field](PgLog#structfield.copy).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn copy<T1>(self, value: T1) -> PgLogBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAs<::planus::Offset<self::CopyInfo>>,
            {
                let (v0,) = self.0;
                PgLogBuilder((v0, value))
            }
        }

        impl<T0, T1> PgLogBuilder<(T0, T1)> {
            /// Setter for the [`entries` field](PgLog#structfield.entries).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn entries<T2>(self, value: T2) -> PgLogBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            {
                let (v0, v1) = self.0;
                PgLogBuilder((v0, v1, value))
            }

            /// Sets the [`entries` field](PgLog#structfield.entries) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn entries_as_null(self) -> PgLogBuilder<(T0, T1, ())> {
                self.entries(())
            }
        }

        impl<T0, T1, T2> PgLogBuilder<(T0, T1, T2)> {
            /// Setter for the [`dirty` field](PgLog#structfield.dirty).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn dirty<T3>(self, value: T3) -> PgLogBuilder<(T0, T1, T2, T3)>
            where
                T3: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            {
                let (v0, v1, v2) = self.0;
                PgLogBuilder((v0, v1, v2, value))
            }

            /// Sets the [`dirty` field](PgLog#structfield.dirty) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn dirty_as_null(self) -> PgLogBuilder<(T0, T1, T2, ())> {
                self.dirty(())
            }
        }

        impl<T0, T1, T2, T3> PgLogBuilder<(T0, T1, T2, T3)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PgLog].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgLog>
            where
                Self: ::planus::WriteAsOffset<PgLog>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAs<::planus::Offset<self::CopyInfo>>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
                T3: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            > ::planus::WriteAs<::planus::Offset<PgLog>> for PgLogBuilder<(T0, T1, T2, T3)>
        {
            type Prepared = ::planus::Offset<PgLog>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgLog> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAs<::planus::Offset<self::CopyInfo>>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
                T3: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            > ::planus::WriteAsOptional<::planus::Offset<PgLog>>
            for PgLogBuilder<(T0, T1, T2, T3)>
        {
            type Prepared = ::planus::Offset<PgLog>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgLog>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAs<::planus::Offset<self::CopyInfo>>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
                T3: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            > ::planus::WriteAsOffset<PgLog> for PgLogBuilder<(T0, T1, T2, T3)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgLog> {
                let (v0, v1, v2, v3) = &self.0;
                PgLog::create(builder, v0, v1, v2, v3)
            }
        }

        /// Reference to a deserialized [PgLog].
        #[derive(Copy, Clone)]
        pub struct PgLogRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PgLogRef<'a> {
            /// Getter for the [`head` field](PgLog#structfield.head).
            #[inline]
            pub fn head(&self) -> ::planus::Result<self::PgHeadRef<'a>> {
                self.0.access_required(0, "PgLog", "head")
            }

            /// Getter for the [`copy` field](PgLog#structfield.copy).
            #[inline]
            pub fn copy(&self) -> ::planus::Result<self::CopyInfoRef<'a>> {
                self.0.access_required(1, "PgLog", "copy")
            }

            /// Getter for the [`entries` field](PgLog#structfield.entries).
            #[inline]
            pub fn entries(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<::planus::Vector<'a, ::planus::Result<self::BlobRef<'a>>>>,
            > {
                self.0.access(2, "PgLog", "entries")
            }

            /// Getter for the [`dirty` field](PgLog#structfield.dirty).
            #[inline]
            pub fn dirty(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<::planus::Vector<'a, ::planus::Result<self::BlobRef<'a>>>>,
            > {
                self.0.access(3, "PgLog", "dirty")
            }
        }

        impl<'a> ::core::fmt::Debug for PgLogRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgLogRef");
                f.field("head", &self.head());
                f.field("copy", &self.copy());
                if let ::core::option::Option::Some(field_entries) = self.entries().transpose() {
                    f.field("entries", &field_entries);
                }
                if let ::core::option::Option::Some(field_dirty) = self.dirty().transpose() {
                    f.field("dirty", &field_dirty);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PgLogRef<'a>> for PgLog {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PgLogRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    head: ::core::convert::Into::into(value.head()?),
                    copy: ::planus::alloc::boxed::Box::new(::core::convert::TryInto::try_into(
                        value.copy()?,
                    )?),
                    entries: if let ::core::option::Option::Some(entries) = value.entries()? {
                        ::core::option::Option::Some(entries.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                    dirty: if let ::core::option::Option::Some(dirty) = value.dirty()? {
                        ::core::option::Option::Some(dirty.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgLogRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PgLogRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[PgLogRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PgLog>> for PgLog {
            type Value = ::planus::Offset<PgLog>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PgLog>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PgLogRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PgLogRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PgPrepare` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PgPrepare` in the file `messenger/schema/kermes.fbs:167`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgPrepare {
            /// The field `head` in the table `PgPrepare`
            pub head: self::PgHead,
            /// The field `wipe` in the table `PgPrepare`
            pub wipe: bool,
            /// The field `objects` in the table `PgPrepare`
            pub objects: ::core::option::Option<::planus::alloc::vec::Vec<self::Blob>>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PgPrepare {
            fn default() -> Self {
                Self {
                    head: ::core::default::Default::default(),
                    wipe: false,
                    objects: ::core::default::Default::default(),
                }
            }
        }

        impl PgPrepare {
            /// Creates a [PgPrepareBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PgPrepareBuilder<()> {
                PgPrepareBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_head: impl ::planus::WriteAs<self::PgHead>,
                field_wipe: impl ::planus::WriteAsDefault<bool, bool>,
                field_objects: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::Blob>]>,
                >,
            ) -> ::planus::Offset<Self> {
                let prepared_head = field_head.prepare(builder);
                let prepared_wipe = field_wipe.prepare(builder, &false);
                let prepared_objects = field_objects.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<10> =
                    ::core::default::Default::default();
                table_writer.write_entry::<self::PgHead>(0);
                if prepared_objects.is_some() {
                    table_writer.write_entry::<::planus::Offset<[::planus::Offset<self::Blob>]>>(2);
                }
                if prepared_wipe.is_some() {
                    table_writer.write_entry::<bool>(1);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        object_writer.write::<_, _, 16>(&prepared_head);
                        if let ::core::option::Option::Some(prepared_objects) = prepared_objects {
                            object_writer.write::<_, _, 4>(&prepared_objects);
                        }
                        if let ::core::option::Option::Some(prepared_wipe) = prepared_wipe {
                            object_writer.write::<_, _, 1>(&prepared_wipe);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PgPrepare>> for PgPrepare {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgPrepare> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PgPrepare>> for PgPrepare {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgPrepare>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PgPrepare> for PgPrepare {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgPrepare> {
                PgPrepare::create(builder, self.head, self.wipe, &self.objects)
            }
        }

        /// Builder for serializing an instance of the [PgPrepare] type.
        ///
        /// Can be created using the [PgPrepare::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PgPrepareBuilder<State>(State);

        impl PgPrepareBuilder<()> {
            /// Setter for the [`head` field](PgPrepare#structfield.head).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn head<T0>(self, value: T0) -> PgPrepareBuilder<(T0,)>
            where
                T0: ::planus::WriteAs<self::PgHead>,
            {
                PgPrepareBuilder((value,))
            }
        }

        impl<T0> PgPrepareBuilder<(T0,)> {
            /// Setter for the [`wipe` field](PgPrepare#structfield.wipe).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn wipe<T1>(self, value: T1) -> PgPrepareBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsDefault<bool, bool>,
            {
                let (v0,) = self.0;
                PgPrepareBuilder((v0, value))
            }

            /// Sets the [`wipe` field](PgPrepare#structfield.wipe) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn wipe_as_default(self) -> PgPrepareBuilder<(T0, ::planus::DefaultValue)> {
                self.wipe(::planus::DefaultValue)
            }
        }

        impl<T0, T1> PgPrepareBuilder<(T0, T1)> {
            /// Setter for the [`objects` field](PgPrepare#structfield.objects).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects<T2>(self, value: T2) -> PgPrepareBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            {
                let (v0, v1) = self.0;
                PgPrepareBuilder((v0, v1, value))
            }

            /// Sets the [`objects` field](PgPrepare#structfield.objects) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_as_null(self) -> PgPrepareBuilder<(T0, T1, ())> {
                self.objects(())
            }
        }

        impl<T0, T1, T2> PgPrepareBuilder<(T0, T1, T2)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PgPrepare].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgPrepare>
            where
                Self: ::planus::WriteAsOffset<PgPrepare>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsDefault<bool, bool>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            > ::planus::WriteAs<::planus::Offset<PgPrepare>> for PgPrepareBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<PgPrepare>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgPrepare> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsDefault<bool, bool>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            > ::planus::WriteAsOptional<::planus::Offset<PgPrepare>>
            for PgPrepareBuilder<(T0, T1, T2)>
        {
            type Prepared = ::planus::Offset<PgPrepare>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgPrepare>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsDefault<bool, bool>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            > ::planus::WriteAsOffset<PgPrepare> for PgPrepareBuilder<(T0, T1, T2)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgPrepare> {
                let (v0, v1, v2) = &self.0;
                PgPrepare::create(builder, v0, v1, v2)
            }
        }

        /// Reference to a deserialized [PgPrepare].
        #[derive(Copy, Clone)]
        pub struct PgPrepareRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PgPrepareRef<'a> {
            /// Getter for the [`head` field](PgPrepare#structfield.head).
            #[inline]
            pub fn head(&self) -> ::planus::Result<self::PgHeadRef<'a>> {
                self.0.access_required(0, "PgPrepare", "head")
            }

            /// Getter for the [`wipe` field](PgPrepare#structfield.wipe).
            #[inline]
            pub fn wipe(&self) -> ::planus::Result<bool> {
                ::core::result::Result::Ok(self.0.access(1, "PgPrepare", "wipe")?.unwrap_or(false))
            }

            /// Getter for the [`objects` field](PgPrepare#structfield.objects).
            #[inline]
            pub fn objects(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<::planus::Vector<'a, ::planus::Result<self::BlobRef<'a>>>>,
            > {
                self.0.access(2, "PgPrepare", "objects")
            }
        }

        impl<'a> ::core::fmt::Debug for PgPrepareRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgPrepareRef");
                f.field("head", &self.head());
                f.field("wipe", &self.wipe());
                if let ::core::option::Option::Some(field_objects) = self.objects().transpose() {
                    f.field("objects", &field_objects);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PgPrepareRef<'a>> for PgPrepare {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PgPrepareRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    head: ::core::convert::Into::into(value.head()?),
                    wipe: ::core::convert::TryInto::try_into(value.wipe()?)?,
                    objects: if let ::core::option::Option::Some(objects) = value.objects()? {
                        ::core::option::Option::Some(objects.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgPrepareRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PgPrepareRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[PgPrepareRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PgPrepare>> for PgPrepare {
            type Value = ::planus::Offset<PgPrepare>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PgPrepare>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PgPrepareRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PgPrepareRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PgPush` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PgPush` in the file `messenger/schema/kermes.fbs:169`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgPush {
            /// The field `head` in the table `PgPush`
            pub head: self::PgHead,
            /// The field `object` in the table `PgPush`
            pub object: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
            /// The field `sequence` in the table `PgPush`
            pub sequence: u32,
            /// The field `first` in the table `PgPush`
            pub first: bool,
            /// The field `last` in the table `PgPush`
            pub last: bool,
            /// The field `absent` in the table `PgPush`
            pub absent: bool,
            /// The field `size` in the table `PgPush`
            pub size: u64,
            /// The field `xattrs` in the table `PgPush`
            pub xattrs: ::core::option::Option<::planus::alloc::vec::Vec<self::Pair>>,
            /// The field `omap_header` in the table `PgPush`
            pub omap_header: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
            /// The field `omap` in the table `PgPush`
            pub omap: ::core::option::Option<::planus::alloc::vec::Vec<self::Pair>>,
            /// The field `offset` in the table `PgPush`
            pub offset: u64,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PgPush {
            fn default() -> Self {
                Self {
                    head: ::core::default::Default::default(),
                    object: ::core::default::Default::default(),
                    sequence: 0,
                    first: false,
                    last: false,
                    absent: false,
                    size: 0,
                    xattrs: ::core::default::Default::default(),
                    omap_header: ::core::default::Default::default(),
                    omap: ::core::default::Default::default(),
                    offset: 0,
                }
            }
        }

        impl PgPush {
            /// Creates a [PgPushBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PgPushBuilder<()> {
                PgPushBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_head: impl ::planus::WriteAs<self::PgHead>,
                field_object: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                field_sequence: impl ::planus::WriteAsDefault<u32, u32>,
                field_first: impl ::planus::WriteAsDefault<bool, bool>,
                field_last: impl ::planus::WriteAsDefault<bool, bool>,
                field_absent: impl ::planus::WriteAsDefault<bool, bool>,
                field_size: impl ::planus::WriteAsDefault<u64, u64>,
                field_xattrs: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::Pair>]>,
                >,
                field_omap_header: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                field_omap: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::Pair>]>,
                >,
                field_offset: impl ::planus::WriteAsDefault<u64, u64>,
            ) -> ::planus::Offset<Self> {
                let prepared_head = field_head.prepare(builder);
                let prepared_object = field_object.prepare(builder);
                let prepared_sequence = field_sequence.prepare(builder, &0);
                let prepared_first = field_first.prepare(builder, &false);
                let prepared_last = field_last.prepare(builder, &false);
                let prepared_absent = field_absent.prepare(builder, &false);
                let prepared_size = field_size.prepare(builder, &0);
                let prepared_xattrs = field_xattrs.prepare(builder);
                let prepared_omap_header = field_omap_header.prepare(builder);
                let prepared_omap = field_omap.prepare(builder);
                let prepared_offset = field_offset.prepare(builder, &0);

                let mut table_writer: ::planus::table_writer::TableWriter<26> =
                    ::core::default::Default::default();
                table_writer.write_entry::<self::PgHead>(0);
                if prepared_size.is_some() {
                    table_writer.write_entry::<u64>(6);
                }
                if prepared_offset.is_some() {
                    table_writer.write_entry::<u64>(10);
                }
                if prepared_object.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(1);
                }
                if prepared_sequence.is_some() {
                    table_writer.write_entry::<u32>(2);
                }
                if prepared_xattrs.is_some() {
                    table_writer.write_entry::<::planus::Offset<[::planus::Offset<self::Pair>]>>(7);
                }
                if prepared_omap_header.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(8);
                }
                if prepared_omap.is_some() {
                    table_writer.write_entry::<::planus::Offset<[::planus::Offset<self::Pair>]>>(9);
                }
                if prepared_first.is_some() {
                    table_writer.write_entry::<bool>(3);
                }
                if prepared_last.is_some() {
                    table_writer.write_entry::<bool>(4);
                }
                if prepared_absent.is_some() {
                    table_writer.write_entry::<bool>(5);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        object_writer.write::<_, _, 16>(&prepared_head);
                        if let ::core::option::Option::Some(prepared_size) = prepared_size {
                            object_writer.write::<_, _, 8>(&prepared_size);
                        }
                        if let ::core::option::Option::Some(prepared_offset) = prepared_offset {
                            object_writer.write::<_, _, 8>(&prepared_offset);
                        }
                        if let ::core::option::Option::Some(prepared_object) = prepared_object {
                            object_writer.write::<_, _, 4>(&prepared_object);
                        }
                        if let ::core::option::Option::Some(prepared_sequence) = prepared_sequence {
                            object_writer.write::<_, _, 4>(&prepared_sequence);
                        }
                        if let ::core::option::Option::Some(prepared_xattrs) = prepared_xattrs {
                            object_writer.write::<_, _, 4>(&prepared_xattrs);
                        }
                        if let ::core::option::Option::Some(prepared_omap_header) =
                            prepared_omap_header
                        {
                            object_writer.write::<_, _, 4>(&prepared_omap_header);
                        }
                        if let ::core::option::Option::Some(prepared_omap) = prepared_omap {
                            object_writer.write::<_, _, 4>(&prepared_omap);
                        }
                        if let ::core::option::Option::Some(prepared_first) = prepared_first {
                            object_writer.write::<_, _, 1>(&prepared_first);
                        }
                        if let ::core::option::Option::Some(prepared_last) = prepared_last {
                            object_writer.write::<_, _, 1>(&prepared_last);
                        }
                        if let ::core::option::Option::Some(prepared_absent) = prepared_absent {
                            object_writer.write::<_, _, 1>(&prepared_absent);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PgPush>> for PgPush {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgPush> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PgPush>> for PgPush {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgPush>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PgPush> for PgPush {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgPush> {
                PgPush::create(
                    builder,
                    self.head,
                    &self.object,
                    self.sequence,
                    self.first,
                    self.last,
                    self.absent,
                    self.size,
                    &self.xattrs,
                    &self.omap_header,
                    &self.omap,
                    self.offset,
                )
            }
        }

        /// Builder for serializing an instance of the [PgPush] type.
        ///
        /// Can be created using the [PgPush::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PgPushBuilder<State>(State);

        impl PgPushBuilder<()> {
            /// Setter for the [`head` field](PgPush#structfield.head).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn head<T0>(self, value: T0) -> PgPushBuilder<(T0,)>
            where
                T0: ::planus::WriteAs<self::PgHead>,
            {
                PgPushBuilder((value,))
            }
        }

        impl<T0> PgPushBuilder<(T0,)> {
            /// Setter for the [`object` field](PgPush#structfield.object).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn object<T1>(self, value: T1) -> PgPushBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                let (v0,) = self.0;
                PgPushBuilder((v0, value))
            }

            /// Sets the [`object` field](PgPush#structfield.object) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn object_as_null(self) -> PgPushBuilder<(T0, ())> {
                self.object(())
            }
        }

        impl<T0, T1> PgPushBuilder<(T0, T1)> {
            /// Setter for the [`sequence` field](PgPush#structfield.sequence).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn sequence<T2>(self, value: T2) -> PgPushBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsDefault<u32, u32>,
            {
                let (v0, v1) = self.0;
                PgPushBuilder((v0, v1, value))
            }

            /// Sets the [`sequence` field](PgPush#structfield.sequence) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn sequence_as_default(self) -> PgPushBuilder<(T0, T1, ::planus::DefaultValue)> {
                self.sequence(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2> PgPushBuilder<(T0, T1, T2)> {
            /// Setter for the [`first` field](PgPush#structfield.first).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn first<T3>(self, value: T3) -> PgPushBuilder<(T0, T1, T2, T3)>
            where
                T3: ::planus::WriteAsDefault<bool, bool>,
            {
                let (v0, v1, v2) = self.0;
                PgPushBuilder((v0, v1, v2, value))
            }

            /// Sets the [`first` field](PgPush#structfield.first) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn first_as_default(self) -> PgPushBuilder<(T0, T1, T2, ::planus::DefaultValue)> {
                self.first(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3> PgPushBuilder<(T0, T1, T2, T3)> {
            /// Setter for the [`last` field](PgPush#structfield.last).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn last<T4>(self, value: T4) -> PgPushBuilder<(T0, T1, T2, T3, T4)>
            where
                T4: ::planus::WriteAsDefault<bool, bool>,
            {
                let (v0, v1, v2, v3) = self.0;
                PgPushBuilder((v0, v1, v2, v3, value))
            }

            /// Sets the [`last` field](PgPush#structfield.last) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn last_as_default(
                self,
            ) -> PgPushBuilder<(T0, T1, T2, T3, ::planus::DefaultValue)> {
                self.last(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4> PgPushBuilder<(T0, T1, T2, T3, T4)> {
            /// Setter for the [`absent` field](PgPush#structfield.absent).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn absent<T5>(self, value: T5) -> PgPushBuilder<(T0, T1, T2, T3, T4, T5)>
            where
                T5: ::planus::WriteAsDefault<bool, bool>,
            {
                let (v0, v1, v2, v3, v4) = self.0;
                PgPushBuilder((v0, v1, v2, v3, v4, value))
            }

            /// Sets the [`absent` field](PgPush#structfield.absent) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn absent_as_default(
                self,
            ) -> PgPushBuilder<(T0, T1, T2, T3, T4, ::planus::DefaultValue)> {
                self.absent(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5> PgPushBuilder<(T0, T1, T2, T3, T4, T5)> {
            /// Setter for the [`size` field](PgPush#structfield.size).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn size<T6>(self, value: T6) -> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6)>
            where
                T6: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5) = self.0;
                PgPushBuilder((v0, v1, v2, v3, v4, v5, value))
            }

            /// Sets the [`size` field](PgPush#structfield.size) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn size_as_default(
                self,
            ) -> PgPushBuilder<(T0, T1, T2, T3, T4, T5, ::planus::DefaultValue)> {
                self.size(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6)> {
            /// Setter for the [`xattrs` field](PgPush#structfield.xattrs).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn xattrs<T7>(self, value: T7) -> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7)>
            where
                T7: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Pair>]>>,
            {
                let (v0, v1, v2, v3, v4, v5, v6) = self.0;
                PgPushBuilder((v0, v1, v2, v3, v4, v5, v6, value))
            }

            /// Sets the [`xattrs` field](PgPush#structfield.xattrs) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn xattrs_as_null(self) -> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, ())> {
                self.xattrs(())
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7)> {
            /// Setter for the [`omap_header` field](PgPush#structfield.omap_header).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn omap_header<T8>(
                self,
                value: T8,
            ) -> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8)>
            where
                T8: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7) = self.0;
                PgPushBuilder((v0, v1, v2, v3, v4, v5, v6, v7, value))
            }

            /// Sets the [`omap_header` field](PgPush#structfield.omap_header) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn omap_header_as_null(
                self,
            ) -> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, ())> {
                self.omap_header(())
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8)> {
            /// Setter for the [`omap` field](PgPush#structfield.omap).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn omap<T9>(
                self,
                value: T9,
            ) -> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9)>
            where
                T9: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Pair>]>>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8) = self.0;
                PgPushBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, value))
            }

            /// Sets the [`omap` field](PgPush#structfield.omap) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn omap_as_null(self) -> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, ())> {
                self.omap(())
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9>
            PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9)>
        {
            /// Setter for the [`offset` field](PgPush#structfield.offset).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn offset<T10>(
                self,
                value: T10,
            ) -> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)>
            where
                T10: ::planus::WriteAsDefault<u64, u64>,
            {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9) = self.0;
                PgPushBuilder((v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, value))
            }

            /// Sets the [`offset` field](PgPush#structfield.offset) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn offset_as_default(
                self,
            ) -> PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, ::planus::DefaultValue)>
            {
                self.offset(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>
            PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)>
        {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PgPush].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgPush>
            where
                Self: ::planus::WriteAsOffset<PgPush>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<bool, bool>,
                T4: ::planus::WriteAsDefault<bool, bool>,
                T5: ::planus::WriteAsDefault<bool, bool>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Pair>]>>,
                T8: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T9: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Pair>]>>,
                T10: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAs<::planus::Offset<PgPush>>
            for PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)>
        {
            type Prepared = ::planus::Offset<PgPush>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgPush> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<bool, bool>,
                T4: ::planus::WriteAsDefault<bool, bool>,
                T5: ::planus::WriteAsDefault<bool, bool>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Pair>]>>,
                T8: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T9: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Pair>]>>,
                T10: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAsOptional<::planus::Offset<PgPush>>
            for PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)>
        {
            type Prepared = ::planus::Offset<PgPush>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgPush>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsDefault<u32, u32>,
                T3: ::planus::WriteAsDefault<bool, bool>,
                T4: ::planus::WriteAsDefault<bool, bool>,
                T5: ::planus::WriteAsDefault<bool, bool>,
                T6: ::planus::WriteAsDefault<u64, u64>,
                T7: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Pair>]>>,
                T8: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T9: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Pair>]>>,
                T10: ::planus::WriteAsDefault<u64, u64>,
            > ::planus::WriteAsOffset<PgPush>
            for PgPushBuilder<(T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgPush> {
                let (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10) = &self.0;
                PgPush::create(builder, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10)
            }
        }

        /// Reference to a deserialized [PgPush].
        #[derive(Copy, Clone)]
        pub struct PgPushRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PgPushRef<'a> {
            /// Getter for the [`head` field](PgPush#structfield.head).
            #[inline]
            pub fn head(&self) -> ::planus::Result<self::PgHeadRef<'a>> {
                self.0.access_required(0, "PgPush", "head")
            }

            /// Getter for the [`object` field](PgPush#structfield.object).
            #[inline]
            pub fn object(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(1, "PgPush", "object")
            }

            /// Getter for the [`sequence` field](PgPush#structfield.sequence).
            #[inline]
            pub fn sequence(&self) -> ::planus::Result<u32> {
                ::core::result::Result::Ok(self.0.access(2, "PgPush", "sequence")?.unwrap_or(0))
            }

            /// Getter for the [`first` field](PgPush#structfield.first).
            #[inline]
            pub fn first(&self) -> ::planus::Result<bool> {
                ::core::result::Result::Ok(self.0.access(3, "PgPush", "first")?.unwrap_or(false))
            }

            /// Getter for the [`last` field](PgPush#structfield.last).
            #[inline]
            pub fn last(&self) -> ::planus::Result<bool> {
                ::core::result::Result::Ok(self.0.access(4, "PgPush", "last")?.unwrap_or(false))
            }

            /// Getter for the [`absent` field](PgPush#structfield.absent).
            #[inline]
            pub fn absent(&self) -> ::planus::Result<bool> {
                ::core::result::Result::Ok(self.0.access(5, "PgPush", "absent")?.unwrap_or(false))
            }

            /// Getter for the [`size` field](PgPush#structfield.size).
            #[inline]
            pub fn size(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(6, "PgPush", "size")?.unwrap_or(0))
            }

            /// Getter for the [`xattrs` field](PgPush#structfield.xattrs).
            #[inline]
            pub fn xattrs(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<::planus::Vector<'a, ::planus::Result<self::PairRef<'a>>>>,
            > {
                self.0.access(7, "PgPush", "xattrs")
            }

            /// Getter for the [`omap_header` field](PgPush#structfield.omap_header).
            #[inline]
            pub fn omap_header(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(8, "PgPush", "omap_header")
            }

            /// Getter for the [`omap` field](PgPush#structfield.omap).
            #[inline]
            pub fn omap(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<::planus::Vector<'a, ::planus::Result<self::PairRef<'a>>>>,
            > {
                self.0.access(9, "PgPush", "omap")
            }

            /// Getter for the [`offset` field](PgPush#structfield.offset).
            #[inline]
            pub fn offset(&self) -> ::planus::Result<u64> {
                ::core::result::Result::Ok(self.0.access(10, "PgPush", "offset")?.unwrap_or(0))
            }
        }

        impl<'a> ::core::fmt::Debug for PgPushRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgPushRef");
                f.field("head", &self.head());
                if let ::core::option::Option::Some(field_object) = self.object().transpose() {
                    f.field("object", &field_object);
                }
                f.field("sequence", &self.sequence());
                f.field("first", &self.first());
                f.field("last", &self.last());
                f.field("absent", &self.absent());
                f.field("size", &self.size());
                if let ::core::option::Option::Some(field_xattrs) = self.xattrs().transpose() {
                    f.field("xattrs", &field_xattrs);
                }
                if let ::core::option::Option::Some(field_omap_header) =
                    self.omap_header().transpose()
                {
                    f.field("omap_header", &field_omap_header);
                }
                if let ::core::option::Option::Some(field_omap) = self.omap().transpose() {
                    f.field("omap", &field_omap);
                }
                f.field("offset", &self.offset());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PgPushRef<'a>> for PgPush {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PgPushRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    head: ::core::convert::Into::into(value.head()?),
                    object: value.object()?.map(|v| v.to_vec()),
                    sequence: ::core::convert::TryInto::try_into(value.sequence()?)?,
                    first: ::core::convert::TryInto::try_into(value.first()?)?,
                    last: ::core::convert::TryInto::try_into(value.last()?)?,
                    absent: ::core::convert::TryInto::try_into(value.absent()?)?,
                    size: ::core::convert::TryInto::try_into(value.size()?)?,
                    xattrs: if let ::core::option::Option::Some(xattrs) = value.xattrs()? {
                        ::core::option::Option::Some(xattrs.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                    omap_header: value.omap_header()?.map(|v| v.to_vec()),
                    omap: if let ::core::option::Option::Some(omap) = value.omap()? {
                        ::core::option::Option::Some(omap.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                    offset: ::core::convert::TryInto::try_into(value.offset()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgPushRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PgPushRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[PgPushRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PgPush>> for PgPush {
            type Value = ::planus::Offset<PgPush>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PgPush>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PgPushRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PgPushRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PgListed` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PgListed` in the file `messenger/schema/kermes.fbs:183`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgListed {
            /// The field `head` in the table `PgListed`
            pub head: self::PgHead,
            /// The field `after` in the table `PgListed`
            pub after: ::core::option::Option<::planus::alloc::vec::Vec<u8>>,
            /// The field `objects` in the table `PgListed`
            pub objects: ::core::option::Option<::planus::alloc::vec::Vec<self::Blob>>,
            /// The field `done` in the table `PgListed`
            pub done: bool,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PgListed {
            fn default() -> Self {
                Self {
                    head: ::core::default::Default::default(),
                    after: ::core::default::Default::default(),
                    objects: ::core::default::Default::default(),
                    done: false,
                }
            }
        }

        impl PgListed {
            /// Creates a [PgListedBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PgListedBuilder<()> {
                PgListedBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_head: impl ::planus::WriteAs<self::PgHead>,
                field_after: impl ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                field_objects: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::Blob>]>,
                >,
                field_done: impl ::planus::WriteAsDefault<bool, bool>,
            ) -> ::planus::Offset<Self> {
                let prepared_head = field_head.prepare(builder);
                let prepared_after = field_after.prepare(builder);
                let prepared_objects = field_objects.prepare(builder);
                let prepared_done = field_done.prepare(builder, &false);

                let mut table_writer: ::planus::table_writer::TableWriter<12> =
                    ::core::default::Default::default();
                table_writer.write_entry::<self::PgHead>(0);
                if prepared_after.is_some() {
                    table_writer.write_entry::<::planus::Offset<[u8]>>(1);
                }
                if prepared_objects.is_some() {
                    table_writer.write_entry::<::planus::Offset<[::planus::Offset<self::Blob>]>>(2);
                }
                if prepared_done.is_some() {
                    table_writer.write_entry::<bool>(3);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        object_writer.write::<_, _, 16>(&prepared_head);
                        if let ::core::option::Option::Some(prepared_after) = prepared_after {
                            object_writer.write::<_, _, 4>(&prepared_after);
                        }
                        if let ::core::option::Option::Some(prepared_objects) = prepared_objects {
                            object_writer.write::<_, _, 4>(&prepared_objects);
                        }
                        if let ::core::option::Option::Some(prepared_done) = prepared_done {
                            object_writer.write::<_, _, 1>(&prepared_done);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PgListed>> for PgListed {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgListed> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PgListed>> for PgListed {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgListed>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PgListed> for PgListed {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgListed> {
                PgListed::create(builder, self.head, &self.after, &self.objects, self.done)
            }
        }

        /// Builder for serializing an instance of the [PgListed] type.
        ///
        /// Can be created using the [PgListed::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PgListedBuilder<State>(State);

        impl PgListedBuilder<()> {
            /// Setter for the [`head` field](PgListed#structfield.head).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn head<T0>(self, value: T0) -> PgListedBuilder<(T0,)>
            where
                T0: ::planus::WriteAs<self::PgHead>,
            {
                PgListedBuilder((value,))
            }
        }

        impl<T0> PgListedBuilder<(T0,)> {
            /// Setter for the [`after` field](PgListed#structfield.after).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn after<T1>(self, value: T1) -> PgListedBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
            {
                let (v0,) = self.0;
                PgListedBuilder((v0, value))
            }

            /// Sets the [`after` field](PgListed#structfield.after) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn after_as_null(self) -> PgListedBuilder<(T0, ())> {
                self.after(())
            }
        }

        impl<T0, T1> PgListedBuilder<(T0, T1)> {
            /// Setter for the [`objects` field](PgListed#structfield.objects).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects<T2>(self, value: T2) -> PgListedBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            {
                let (v0, v1) = self.0;
                PgListedBuilder((v0, v1, value))
            }

            /// Sets the [`objects` field](PgListed#structfield.objects) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn objects_as_null(self) -> PgListedBuilder<(T0, T1, ())> {
                self.objects(())
            }
        }

        impl<T0, T1, T2> PgListedBuilder<(T0, T1, T2)> {
            /// Setter for the [`done` field](PgListed#structfield.done).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn done<T3>(self, value: T3) -> PgListedBuilder<(T0, T1, T2, T3)>
            where
                T3: ::planus::WriteAsDefault<bool, bool>,
            {
                let (v0, v1, v2) = self.0;
                PgListedBuilder((v0, v1, v2, value))
            }

            /// Sets the [`done` field](PgListed#structfield.done) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn done_as_default(self) -> PgListedBuilder<(T0, T1, T2, ::planus::DefaultValue)> {
                self.done(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2, T3> PgListedBuilder<(T0, T1, T2, T3)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PgListed].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgListed>
            where
                Self: ::planus::WriteAsOffset<PgListed>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
                T3: ::planus::WriteAsDefault<bool, bool>,
            > ::planus::WriteAs<::planus::Offset<PgListed>> for PgListedBuilder<(T0, T1, T2, T3)>
        {
            type Prepared = ::planus::Offset<PgListed>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgListed> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
                T3: ::planus::WriteAsDefault<bool, bool>,
            > ::planus::WriteAsOptional<::planus::Offset<PgListed>>
            for PgListedBuilder<(T0, T1, T2, T3)>
        {
            type Prepared = ::planus::Offset<PgListed>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgListed>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAsOptional<::planus::Offset<[u8]>>,
                T2: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
                T3: ::planus::WriteAsDefault<bool, bool>,
            > ::planus::WriteAsOffset<PgListed> for PgListedBuilder<(T0, T1, T2, T3)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgListed> {
                let (v0, v1, v2, v3) = &self.0;
                PgListed::create(builder, v0, v1, v2, v3)
            }
        }

        /// Reference to a deserialized [PgListed].
        #[derive(Copy, Clone)]
        pub struct PgListedRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PgListedRef<'a> {
            /// Getter for the [`head` field](PgListed#structfield.head).
            #[inline]
            pub fn head(&self) -> ::planus::Result<self::PgHeadRef<'a>> {
                self.0.access_required(0, "PgListed", "head")
            }

            /// Getter for the [`after` field](PgListed#structfield.after).
            #[inline]
            pub fn after(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
                self.0.access(1, "PgListed", "after")
            }

            /// Getter for the [`objects` field](PgListed#structfield.objects).
            #[inline]
            pub fn objects(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<::planus::Vector<'a, ::planus::Result<self::BlobRef<'a>>>>,
            > {
                self.0.access(2, "PgListed", "objects")
            }

            /// Getter for the [`done` field](PgListed#structfield.done).
            #[inline]
            pub fn done(&self) -> ::planus::Result<bool> {
                ::core::result::Result::Ok(self.0.access(3, "PgListed", "done")?.unwrap_or(false))
            }
        }

        impl<'a> ::core::fmt::Debug for PgListedRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgListedRef");
                f.field("head", &self.head());
                if let ::core::option::Option::Some(field_after) = self.after().transpose() {
                    f.field("after", &field_after);
                }
                if let ::core::option::Option::Some(field_objects) = self.objects().transpose() {
                    f.field("objects", &field_objects);
                }
                f.field("done", &self.done());
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PgListedRef<'a>> for PgListed {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PgListedRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    head: ::core::convert::Into::into(value.head()?),
                    after: value.after()?.map(|v| v.to_vec()),
                    objects: if let ::core::option::Option::Some(objects) = value.objects()? {
                        ::core::option::Option::Some(objects.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                    done: ::core::convert::TryInto::try_into(value.done()?)?,
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgListedRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PgListedRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location("[PgListedRef]", "get", buffer.offset_from_start)
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PgListed>> for PgListed {
            type Value = ::planus::Offset<PgListed>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PgListed>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PgListedRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PgListedRef]", "read_as_root", 0)
                })
            }
        }

        /// The table `PgActivate` in the namespace `kermes`
        ///
        /// Generated from these locations:
        /// * Table `PgActivate` in the file `messenger/schema/kermes.fbs:184`
        #[derive(
            Clone,
            Debug,
            PartialEq,
            PartialOrd,
            Eq,
            Ord,
            Hash,
            ::serde::Serialize,
            ::serde::Deserialize,
        )]
        pub struct PgActivate {
            /// The field `head` in the table `PgActivate`
            pub head: self::PgHead,
            /// The field `keep` in the table `PgActivate`
            pub keep: self::Version,
            /// The field `reset` in the table `PgActivate`
            pub reset: bool,
            /// The field `entries` in the table `PgActivate`
            pub entries: ::core::option::Option<::planus::alloc::vec::Vec<self::Blob>>,
        }

        #[allow(clippy::derivable_impls)]
        impl ::core::default::Default for PgActivate {
            fn default() -> Self {
                Self {
                    head: ::core::default::Default::default(),
                    keep: ::core::default::Default::default(),
                    reset: false,
                    entries: ::core::default::Default::default(),
                }
            }
        }

        impl PgActivate {
            /// Creates a [PgActivateBuilder] for serializing an instance of this table.
            #[inline]
            pub fn builder() -> PgActivateBuilder<()> {
                PgActivateBuilder(())
            }

            #[allow(clippy::too_many_arguments)]
            pub fn create(
                builder: &mut ::planus::Builder,
                field_head: impl ::planus::WriteAs<self::PgHead>,
                field_keep: impl ::planus::WriteAs<self::Version>,
                field_reset: impl ::planus::WriteAsDefault<bool, bool>,
                field_entries: impl ::planus::WriteAsOptional<
                    ::planus::Offset<[::planus::Offset<self::Blob>]>,
                >,
            ) -> ::planus::Offset<Self> {
                let prepared_head = field_head.prepare(builder);
                let prepared_keep = field_keep.prepare(builder);
                let prepared_reset = field_reset.prepare(builder, &false);
                let prepared_entries = field_entries.prepare(builder);

                let mut table_writer: ::planus::table_writer::TableWriter<12> =
                    ::core::default::Default::default();
                table_writer.write_entry::<self::PgHead>(0);
                table_writer.write_entry::<self::Version>(1);
                if prepared_entries.is_some() {
                    table_writer.write_entry::<::planus::Offset<[::planus::Offset<self::Blob>]>>(3);
                }
                if prepared_reset.is_some() {
                    table_writer.write_entry::<bool>(2);
                }

                unsafe {
                    table_writer.finish(builder, |object_writer| {
                        object_writer.write::<_, _, 16>(&prepared_head);
                        object_writer.write::<_, _, 16>(&prepared_keep);
                        if let ::core::option::Option::Some(prepared_entries) = prepared_entries {
                            object_writer.write::<_, _, 4>(&prepared_entries);
                        }
                        if let ::core::option::Option::Some(prepared_reset) = prepared_reset {
                            object_writer.write::<_, _, 1>(&prepared_reset);
                        }
                    });
                }
                builder.current_offset()
            }
        }

        impl ::planus::WriteAs<::planus::Offset<PgActivate>> for PgActivate {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgActivate> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl ::planus::WriteAsOptional<::planus::Offset<PgActivate>> for PgActivate {
            type Prepared = ::planus::Offset<Self>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgActivate>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl ::planus::WriteAsOffset<PgActivate> for PgActivate {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgActivate> {
                PgActivate::create(builder, self.head, self.keep, self.reset, &self.entries)
            }
        }

        /// Builder for serializing an instance of the [PgActivate] type.
        ///
        /// Can be created using the [PgActivate::builder] method.
        #[derive(Debug)]
        #[must_use]
        pub struct PgActivateBuilder<State>(State);

        impl PgActivateBuilder<()> {
            /// Setter for the [`head` field](PgActivate#structfield.head).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn head<T0>(self, value: T0) -> PgActivateBuilder<(T0,)>
            where
                T0: ::planus::WriteAs<self::PgHead>,
            {
                PgActivateBuilder((value,))
            }
        }

        impl<T0> PgActivateBuilder<(T0,)> {
            /// Setter for the [`keep` field](PgActivate#structfield.keep).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn keep<T1>(self, value: T1) -> PgActivateBuilder<(T0, T1)>
            where
                T1: ::planus::WriteAs<self::Version>,
            {
                let (v0,) = self.0;
                PgActivateBuilder((v0, value))
            }
        }

        impl<T0, T1> PgActivateBuilder<(T0, T1)> {
            /// Setter for the [`reset` field](PgActivate#structfield.reset).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reset<T2>(self, value: T2) -> PgActivateBuilder<(T0, T1, T2)>
            where
                T2: ::planus::WriteAsDefault<bool, bool>,
            {
                let (v0, v1) = self.0;
                PgActivateBuilder((v0, v1, value))
            }

            /// Sets the [`reset` field](PgActivate#structfield.reset) to the default value.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn reset_as_default(self) -> PgActivateBuilder<(T0, T1, ::planus::DefaultValue)> {
                self.reset(::planus::DefaultValue)
            }
        }

        impl<T0, T1, T2> PgActivateBuilder<(T0, T1, T2)> {
            /// Setter for the [`entries` field](PgActivate#structfield.entries).
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn entries<T3>(self, value: T3) -> PgActivateBuilder<(T0, T1, T2, T3)>
            where
                T3: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            {
                let (v0, v1, v2) = self.0;
                PgActivateBuilder((v0, v1, v2, value))
            }

            /// Sets the [`entries` field](PgActivate#structfield.entries) to null.
            #[inline]
            #[allow(clippy::type_complexity)]
            pub fn entries_as_null(self) -> PgActivateBuilder<(T0, T1, T2, ())> {
                self.entries(())
            }
        }

        impl<T0, T1, T2, T3> PgActivateBuilder<(T0, T1, T2, T3)> {
            /// Finish writing the builder to get an [Offset](::planus::Offset) to a serialized [PgActivate].
            #[inline]
            pub fn finish(self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgActivate>
            where
                Self: ::planus::WriteAsOffset<PgActivate>,
            {
                ::planus::WriteAsOffset::prepare(&self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAs<self::Version>,
                T2: ::planus::WriteAsDefault<bool, bool>,
                T3: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            > ::planus::WriteAs<::planus::Offset<PgActivate>>
            for PgActivateBuilder<(T0, T1, T2, T3)>
        {
            type Prepared = ::planus::Offset<PgActivate>;

            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgActivate> {
                ::planus::WriteAsOffset::prepare(self, builder)
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAs<self::Version>,
                T2: ::planus::WriteAsDefault<bool, bool>,
                T3: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            > ::planus::WriteAsOptional<::planus::Offset<PgActivate>>
            for PgActivateBuilder<(T0, T1, T2, T3)>
        {
            type Prepared = ::planus::Offset<PgActivate>;

            #[inline]
            fn prepare(
                &self,
                builder: &mut ::planus::Builder,
            ) -> ::core::option::Option<::planus::Offset<PgActivate>> {
                ::core::option::Option::Some(::planus::WriteAsOffset::prepare(self, builder))
            }
        }

        impl<
                T0: ::planus::WriteAs<self::PgHead>,
                T1: ::planus::WriteAs<self::Version>,
                T2: ::planus::WriteAsDefault<bool, bool>,
                T3: ::planus::WriteAsOptional<::planus::Offset<[::planus::Offset<self::Blob>]>>,
            > ::planus::WriteAsOffset<PgActivate> for PgActivateBuilder<(T0, T1, T2, T3)>
        {
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> ::planus::Offset<PgActivate> {
                let (v0, v1, v2, v3) = &self.0;
                PgActivate::create(builder, v0, v1, v2, v3)
            }
        }

        /// Reference to a deserialized [PgActivate].
        #[derive(Copy, Clone)]
        pub struct PgActivateRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

        impl<'a> PgActivateRef<'a> {
            /// Getter for the [`head` field](PgActivate#structfield.head).
            #[inline]
            pub fn head(&self) -> ::planus::Result<self::PgHeadRef<'a>> {
                self.0.access_required(0, "PgActivate", "head")
            }

            /// Getter for the [`keep` field](PgActivate#structfield.keep).
            #[inline]
            pub fn keep(&self) -> ::planus::Result<self::VersionRef<'a>> {
                self.0.access_required(1, "PgActivate", "keep")
            }

            /// Getter for the [`reset` field](PgActivate#structfield.reset).
            #[inline]
            pub fn reset(&self) -> ::planus::Result<bool> {
                ::core::result::Result::Ok(
                    self.0.access(2, "PgActivate", "reset")?.unwrap_or(false),
                )
            }

            /// Getter for the [`entries` field](PgActivate#structfield.entries).
            #[inline]
            pub fn entries(
                &self,
            ) -> ::planus::Result<
                ::core::option::Option<::planus::Vector<'a, ::planus::Result<self::BlobRef<'a>>>>,
            > {
                self.0.access(3, "PgActivate", "entries")
            }
        }

        impl<'a> ::core::fmt::Debug for PgActivateRef<'a> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let mut f = f.debug_struct("PgActivateRef");
                f.field("head", &self.head());
                f.field("keep", &self.keep());
                f.field("reset", &self.reset());
                if let ::core::option::Option::Some(field_entries) = self.entries().transpose() {
                    f.field("entries", &field_entries);
                }
                f.finish()
            }
        }

        impl<'a> ::core::convert::TryFrom<PgActivateRef<'a>> for PgActivate {
            type Error = ::planus::Error;

            #[allow(unreachable_code)]
            fn try_from(value: PgActivateRef<'a>) -> ::planus::Result<Self> {
                ::core::result::Result::Ok(Self {
                    head: ::core::convert::Into::into(value.head()?),
                    keep: ::core::convert::Into::into(value.keep()?),
                    reset: ::core::convert::TryInto::try_into(value.reset()?)?,
                    entries: if let ::core::option::Option::Some(entries) = value.entries()? {
                        ::core::option::Option::Some(entries.to_vec_result()?)
                    } else {
                        ::core::option::Option::None
                    },
                })
            }
        }

        impl<'a> ::planus::TableRead<'a> for PgActivateRef<'a> {
            #[inline]
            fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
                ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(
                    buffer, offset,
                )?))
            }
        }

        impl<'a> ::planus::VectorReadInner<'a> for PgActivateRef<'a> {
            type Error = ::planus::Error;
            const STRIDE: usize = 4;

            unsafe fn from_buffer(
                buffer: ::planus::SliceWithStartOffset<'a>,
                offset: usize,
            ) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(buffer, offset).map_err(|error_kind| {
                    error_kind.with_error_location(
                        "[PgActivateRef]",
                        "get",
                        buffer.offset_from_start,
                    )
                })
            }
        }

        /// # Safety
        /// The planus compiler generates implementations that initialize
        /// the bytes in `write_values`.
        unsafe impl ::planus::VectorWrite<::planus::Offset<PgActivate>> for PgActivate {
            type Value = ::planus::Offset<PgActivate>;
            const STRIDE: usize = 4;
            #[inline]
            fn prepare(&self, builder: &mut ::planus::Builder) -> Self::Value {
                ::planus::WriteAs::prepare(self, builder)
            }

            #[inline]
            unsafe fn write_values(
                values: &[::planus::Offset<PgActivate>],
                bytes: *mut ::core::mem::MaybeUninit<u8>,
                buffer_position: u32,
            ) {
                let bytes = bytes as *mut [::core::mem::MaybeUninit<u8>; 4];
                for (i, v) in ::core::iter::Iterator::enumerate(values.iter()) {
                    ::planus::WriteAsPrimitive::write(
                        v,
                        ::planus::Cursor::new(unsafe { &mut *bytes.add(i) }),
                        buffer_position - (Self::STRIDE * i) as u32,
                    );
                }
            }
        }

        impl<'a> ::planus::ReadAsRoot<'a> for PgActivateRef<'a> {
            fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
                ::planus::TableRead::from_buffer(
                    ::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 },
                    0,
                )
                .map_err(|error_kind| {
                    error_kind.with_error_location("[PgActivateRef]", "read_as_root", 0)
                })
            }
        }
    }
}
