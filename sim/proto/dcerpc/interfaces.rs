//! Which interfaces a domain controller offers and what their operations are called.
//!
//! Facts of the specifications that each row names; an operation that they call "not used on the
//! wire" has no name.

use super::syntax::Uuid;

/// How an operation says whether it succeeded: the last 32 bits of what it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// An `NTSTATUS`, \[MS-ERREF\] section 2.3.
    NtStatus,
    /// A Win32 error, \[MS-ERREF\] section 2.2.
    Win32,
    /// An `NTSTATUS` or a Win32 error, by operation; their failures do not overlap.
    Either,
    /// An `HRESULT`, \[MS-ERREF\] section 2.1.
    HResult,
    /// Nothing: that it answered is all.
    Nothing,
}

/// Facts about one interface.
struct Row {
    service: Service,
    name: &'static str,
    uuids: &'static [u128],
    answer: Answer,
    /// Sorted by number; names with the interface's name before them.
    operations: &'static [(u16, &'static str)],
}

macro_rules! services {
    ($($(#[$meta:meta])+ $Service:ident $name:literal [$($uuid:literal)+] $Answer:ident
       { $($number:literal $operation:literal)* })+) => {
        /// Interfaces whose names are known.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Service { $($(#[$meta])+ $Service,)+ }

        const ROWS: &[Row] = &[$(Row {
            service: Service::$Service,
            name: $name,
            uuids: &[$($uuid),+],
            answer: Answer::$Answer,
            operations: &[$(($number, concat!($name, ".", $operation))),*],
        },)+];
    };
}

/// Operation code of calls of interfaces that are not known.
pub const UNKNOWN: u32 = 0xffff_0000;
/// In the lower half of an operation code: an operation without a name.
const UNNAMED: u32 = 0xffff;
/// Calls have codes above the packet types: the interface's place, from 1, in the upper half.
const CALLS: u32 = 1 << 16;

impl Service {
    /// The interface that `uuid` identifies.
    pub fn of(uuid: Uuid) -> Option<Self> {
        ROWS.iter().find(|row| row.uuids.contains(&uuid.0)).map(|row| row.service)
    }

    fn row(self) -> &'static Row {
        ROWS.get(self as usize).expect("there is a row for each variant")
    }

    /// Whether it is found at the endpoint mapper's port without asking for it: the mapper itself
    /// and those that activate objects, \[MS-DCOM\] section 1.9.
    pub const fn is_at_mapper(self) -> bool {
        matches!(
            self,
            Self::Epm | Self::ObjectExporter | Self::ScmActivator | Self::Activation | Self::Mgmt
        )
    }

    /// Its name in lower case, or, of an object's interface, as it is written.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// See [`Answer`].
    pub fn answer(self) -> Answer {
        self.row().answer
    }

    /// An identifier of it.
    pub fn uuid(self) -> Uuid {
        Uuid(self.row().uuids.first().copied().unwrap_or_default())
    }

    /// Name of an operation, without the interface's.
    pub fn operation(self, opnum: u16) -> Option<&'static str> {
        let full = self.qualified(opnum)?;
        full.get(self.row().name.len() + 1..)
    }

    fn qualified(self, opnum: u16) -> Option<&'static str> {
        let operations = self.row().operations;
        // Most tables begin without gaps.
        if let Some(&(number, name)) = operations.get(usize::from(opnum))
            && number == opnum
        {
            return Some(name);
        }
        let at = operations.binary_search_by_key(&opnum, |&(number, _)| number).ok()?;
        operations.get(at).map(|&(_, name)| name)
    }

    /// Operation code of a call, for [`Tally`](crate::proto::Tally).
    pub fn code(self, opnum: Option<u16>) -> u32 {
        let named = opnum.filter(|&opnum| self.qualified(opnum).is_some());
        (CALLS * (self as u32 + 1)) | named.map_or(UNNAMED, u32::from)
    }
}

/// Name of a call's operation code: `samr.SamrConnect5`, `samr` where the operation has no name.
/// `None` for codes that are no calls'.
pub fn name(code: u32) -> Option<&'static str> {
    if code == UNKNOWN {
        return Some("unknown interface");
    }
    let row = ROWS.get(usize::try_from(code >> 16).ok()?.checked_sub(1)?)?;
    let named = u16::try_from(code & UNNAMED).ok().and_then(|opnum| row.service.qualified(opnum));
    Some(named.unwrap_or(row.name))
}

services! {
    /// Endpoint mapper, C706 appendix O, \[MS-RPCE\] section 2.2.1.2.
    Epm "epm" [0xe1af8308_5d1f_11c9_91a4_08002b14a0fa] Win32 {
        0 "ept_insert" 1 "ept_delete" 2 "ept_lookup" 3 "ept_map" 4 "ept_lookup_handle_free"
        5 "ept_inq_object" 6 "ept_mgmt_delete"
    }
    /// Netlogon, \[MS-NRPC\].
    Netlogon "netlogon" [0x12345678_1234_abcd_ef00_01234567cffb] Either {
        0 "NetrLogonUasLogon" 1 "NetrLogonUasLogoff" 2 "NetrLogonSamLogon"
        3 "NetrLogonSamLogoff" 4 "NetrServerReqChallenge" 5 "NetrServerAuthenticate"
        6 "NetrServerPasswordSet" 7 "NetrDatabaseDeltas" 8 "NetrDatabaseSync"
        9 "NetrAccountDeltas" 10 "NetrAccountSync" 11 "NetrGetDCName" 12 "NetrLogonControl"
        13 "NetrGetAnyDCName" 14 "NetrLogonControl2" 15 "NetrServerAuthenticate2"
        16 "NetrDatabaseSync2" 17 "NetrDatabaseRedo" 18 "NetrLogonControl2Ex"
        19 "NetrEnumerateTrustedDomains" 20 "DsrGetDcName" 21 "NetrLogonGetCapabilities"
        22 "NetrLogonSetServiceBits" 23 "NetrLogonGetTrustRid"
        24 "NetrLogonComputeServerDigest" 25 "NetrLogonComputeClientDigest"
        26 "NetrServerAuthenticate3" 27 "DsrGetDcNameEx" 28 "DsrGetSiteName"
        29 "NetrLogonGetDomainInfo" 30 "NetrServerPasswordSet2" 31 "NetrServerPasswordGet"
        32 "NetrLogonSendToSam" 33 "DsrAddressToSiteNamesW" 34 "DsrGetDcNameEx2"
        35 "NetrLogonGetTimeServiceParentDomain" 36 "NetrEnumerateTrustedDomainsEx"
        37 "DsrAddressToSiteNamesExW" 38 "DsrGetDcSiteCoverageW" 39 "NetrLogonSamLogonEx"
        40 "DsrEnumerateDomainTrusts" 41 "DsrDeregisterDnsHostRecords"
        42 "NetrServerTrustPasswordsGet" 43 "DsrGetForestTrustInformation"
        44 "NetrGetForestTrustInformation" 45 "NetrLogonSamLogonWithFlags"
        46 "NetrServerGetTrustInfo" 48 "DsrUpdateReadOnlyServerDnsRecords"
        49 "NetrChainSetClientAttributes" 59 "NetrServerAuthenticateKerberos"
    }
    /// Security account manager, \[MS-SAMR\].
    Samr "samr" [0x12345778_1234_abcd_ef00_0123456789ac] NtStatus {
        0 "SamrConnect" 1 "SamrCloseHandle" 2 "SamrSetSecurityObject"
        3 "SamrQuerySecurityObject" 5 "SamrLookupDomainInSamServer"
        6 "SamrEnumerateDomainsInSamServer" 7 "SamrOpenDomain" 8 "SamrQueryInformationDomain"
        9 "SamrSetInformationDomain" 10 "SamrCreateGroupInDomain"
        11 "SamrEnumerateGroupsInDomain" 12 "SamrCreateUserInDomain"
        13 "SamrEnumerateUsersInDomain" 14 "SamrCreateAliasInDomain"
        15 "SamrEnumerateAliasesInDomain" 16 "SamrGetAliasMembership"
        17 "SamrLookupNamesInDomain" 18 "SamrLookupIdsInDomain" 19 "SamrOpenGroup"
        20 "SamrQueryInformationGroup" 21 "SamrSetInformationGroup" 22 "SamrAddMemberToGroup"
        23 "SamrDeleteGroup" 24 "SamrRemoveMemberFromGroup" 25 "SamrGetMembersInGroup"
        26 "SamrSetMemberAttributesOfGroup" 27 "SamrOpenAlias" 28 "SamrQueryInformationAlias"
        29 "SamrSetInformationAlias" 30 "SamrDeleteAlias" 31 "SamrAddMemberToAlias"
        32 "SamrRemoveMemberFromAlias" 33 "SamrGetMembersInAlias" 34 "SamrOpenUser"
        35 "SamrDeleteUser" 36 "SamrQueryInformationUser" 37 "SamrSetInformationUser"
        38 "SamrChangePasswordUser" 39 "SamrGetGroupsForUser" 40 "SamrQueryDisplayInformation"
        41 "SamrGetDisplayEnumerationIndex" 44 "SamrGetUserDomainPasswordInformation"
        45 "SamrRemoveMemberFromForeignDomain" 46 "SamrQueryInformationDomain2"
        47 "SamrQueryInformationUser2" 48 "SamrQueryDisplayInformation2"
        49 "SamrGetDisplayEnumerationIndex2" 50 "SamrCreateUser2InDomain"
        51 "SamrQueryDisplayInformation3" 52 "SamrAddMultipleMembersToAlias"
        53 "SamrRemoveMultipleMembersFromAlias" 54 "SamrOemChangePasswordUser2"
        55 "SamrUnicodeChangePasswordUser2" 56 "SamrGetDomainPasswordInformation"
        57 "SamrConnect2" 58 "SamrSetInformationUser2" 62 "SamrConnect4"
        63 "SamrUnicodeChangePasswordUser3" 64 "SamrConnect5" 65 "SamrRidToSid"
        66 "SamrSetDSRMPassword" 67 "SamrValidatePassword" 73 "SamrUnicodeChangePasswordUser4"
        74 "SamrValidateComputerAccountReuseAttempt"
    }
    /// Local security authority, \[MS-LSAD\] and \[MS-LSAT\].
    Lsarpc "lsarpc" [0x12345778_1234_abcd_ef00_0123456789ab] NtStatus {
        0 "LsarClose" 2 "LsarEnumeratePrivileges" 3 "LsarQuerySecurityObject"
        4 "LsarSetSecurityObject" 6 "LsarOpenPolicy" 7 "LsarQueryInformationPolicy"
        8 "LsarSetInformationPolicy" 10 "LsarCreateAccount" 11 "LsarEnumerateAccounts"
        12 "LsarCreateTrustedDomain" 13 "LsarEnumerateTrustedDomains" 14 "LsarLookupNames"
        15 "LsarLookupSids" 16 "LsarCreateSecret" 17 "LsarOpenAccount"
        18 "LsarEnumeratePrivilegesAccount" 19 "LsarAddPrivilegesToAccount"
        20 "LsarRemovePrivilegesFromAccount" 23 "LsarGetSystemAccessAccount"
        24 "LsarSetSystemAccessAccount" 25 "LsarOpenTrustedDomain"
        26 "LsarQueryInfoTrustedDomain" 27 "LsarSetInformationTrustedDomain"
        28 "LsarOpenSecret" 29 "LsarSetSecret" 30 "LsarQuerySecret"
        31 "LsarLookupPrivilegeValue" 32 "LsarLookupPrivilegeName"
        33 "LsarLookupPrivilegeDisplayName" 34 "LsarDeleteObject"
        35 "LsarEnumerateAccountsWithUserRight" 36 "LsarEnumerateAccountRights"
        37 "LsarAddAccountRights" 38 "LsarRemoveAccountRights" 39 "LsarQueryTrustedDomainInfo"
        40 "LsarSetTrustedDomainInfo" 41 "LsarDeleteTrustedDomain" 42 "LsarStorePrivateData"
        43 "LsarRetrievePrivateData" 44 "LsarOpenPolicy2" 45 "LsarGetUserName"
        46 "LsarQueryInformationPolicy2" 47 "LsarSetInformationPolicy2"
        48 "LsarQueryTrustedDomainInfoByName" 49 "LsarSetTrustedDomainInfoByName"
        50 "LsarEnumerateTrustedDomainsEx" 51 "LsarCreateTrustedDomainEx"
        53 "LsarQueryDomainInformationPolicy" 54 "LsarSetDomainInformationPolicy"
        55 "LsarOpenTrustedDomainByName" 57 "LsarLookupSids2" 58 "LsarLookupNames2"
        59 "LsarCreateTrustedDomainEx2" 68 "LsarLookupNames3"
        73 "LsarQueryForestTrustInformation" 74 "LsarSetForestTrustInformation"
        76 "LsarLookupSids3" 77 "LsarLookupNames4" 129 "LsarCreateTrustedDomainEx3"
        130 "LsarOpenPolicy3" 132 "LsarQueryForestTrustInformation2"
        133 "LsarSetForestTrustInformation2"
    }
    /// Directory replication, \[MS-DRSR\].
    Drsuapi "drsuapi" [0xe3514235_4b06_11d1_ab04_00c04fc2dcd2] Win32 {
        0 "IDL_DRSBind" 1 "IDL_DRSUnbind" 2 "IDL_DRSReplicaSync" 3 "IDL_DRSGetNCChanges"
        4 "IDL_DRSUpdateRefs" 5 "IDL_DRSReplicaAdd" 6 "IDL_DRSReplicaDel"
        7 "IDL_DRSReplicaModify" 8 "IDL_DRSVerifyNames" 9 "IDL_DRSGetMemberships"
        10 "IDL_DRSInterDomainMove" 11 "IDL_DRSGetNT4ChangeLog" 12 "IDL_DRSCrackNames"
        13 "IDL_DRSWriteSPN" 14 "IDL_DRSRemoveDsServer" 15 "IDL_DRSRemoveDsDomain"
        16 "IDL_DRSDomainControllerInfo" 17 "IDL_DRSAddEntry" 18 "IDL_DRSExecuteKCC"
        19 "IDL_DRSGetReplInfo" 20 "IDL_DRSAddSidHistory" 21 "IDL_DRSGetMemberships2"
        22 "IDL_DRSReplicaVerifyObjects" 23 "IDL_DRSGetObjectExistence"
        24 "IDL_DRSQuerySitesByCost" 25 "IDL_DRSInitDemotion" 26 "IDL_DRSReplicaDemotion"
        27 "IDL_DRSFinishDemotion" 28 "IDL_DRSAddCloneDC" 29 "IDL_DRSWriteNgcKey"
        30 "IDL_DRSReadNgcKey"
    }
    /// Service control manager, \[MS-SCMR\].
    Svcctl "svcctl" [0x367abb81_9844_35f1_ad32_98f038001003] Win32 {
        0 "RCloseServiceHandle" 1 "RControlService" 2 "RDeleteService"
        3 "RLockServiceDatabase" 4 "RQueryServiceObjectSecurity"
        5 "RSetServiceObjectSecurity" 6 "RQueryServiceStatus" 7 "RSetServiceStatus"
        8 "RUnlockServiceDatabase" 9 "RNotifyBootConfigStatus" 11 "RChangeServiceConfigW"
        12 "RCreateServiceW" 13 "REnumDependentServicesW" 14 "REnumServicesStatusW"
        15 "ROpenSCManagerW" 16 "ROpenServiceW" 17 "RQueryServiceConfigW"
        18 "RQueryServiceLockStatusW" 19 "RStartServiceW" 20 "RGetServiceDisplayNameW"
        21 "RGetServiceKeyNameW" 23 "RChangeServiceConfigA" 24 "RCreateServiceA"
        25 "REnumDependentServicesA" 26 "REnumServicesStatusA" 27 "ROpenSCManagerA"
        28 "ROpenServiceA" 29 "RQueryServiceConfigA" 30 "RQueryServiceLockStatusA"
        31 "RStartServiceA" 32 "RGetServiceDisplayNameA" 33 "RGetServiceKeyNameA"
        35 "REnumServiceGroupW" 36 "RChangeServiceConfig2A" 37 "RChangeServiceConfig2W"
        38 "RQueryServiceConfig2A" 39 "RQueryServiceConfig2W" 40 "RQueryServiceStatusEx"
        41 "REnumServicesStatusExA" 42 "REnumServicesStatusExW" 44 "RCreateServiceWOW64A"
        45 "RCreateServiceWOW64W" 47 "RNotifyServiceStatusChange" 48 "RGetNotifyResults"
        49 "RCloseNotifyHandle" 50 "RControlServiceExA" 51 "RControlServiceExW"
        56 "RQueryServiceConfigEx" 60 "RCreateWowService" 64 "ROpenSCManager2"
    }
    /// Server service, \[MS-SRVS\].
    Srvsvc "srvsvc" [0x4b324fc8_1670_01d3_1278_5a47bf6ee188] Win32 {
        8 "NetrConnectionEnum" 9 "NetrFileEnum" 10 "NetrFileGetInfo" 11 "NetrFileClose"
        12 "NetrSessionEnum" 13 "NetrSessionDel" 14 "NetrShareAdd" 15 "NetrShareEnum"
        16 "NetrShareGetInfo" 17 "NetrShareSetInfo" 18 "NetrShareDel" 19 "NetrShareDelSticky"
        20 "NetrShareCheck" 21 "NetrServerGetInfo" 22 "NetrServerSetInfo"
        23 "NetrServerDiskEnum" 24 "NetrServerStatisticsGet" 25 "NetrServerTransportAdd"
        26 "NetrServerTransportEnum" 27 "NetrServerTransportDel" 28 "NetrRemoteTOD"
        30 "NetprPathType" 31 "NetprPathCanonicalize" 32 "NetprPathCompare"
        33 "NetprNameValidate" 34 "NetprNameCanonicalize" 35 "NetprNameCompare"
        36 "NetrShareEnumSticky" 37 "NetrShareDelStart" 38 "NetrShareDelCommit"
        39 "NetrpGetFileSecurity" 40 "NetrpSetFileSecurity" 41 "NetrServerTransportAddEx"
        43 "NetrDfsGetVersion" 44 "NetrDfsCreateLocalPartition"
        45 "NetrDfsDeleteLocalPartition" 46 "NetrDfsSetLocalVolumeState"
        48 "NetrDfsCreateExitPoint" 49 "NetrDfsDeleteExitPoint" 50 "NetrDfsModifyPrefix"
        51 "NetrDfsFixLocalVolume" 52 "NetrDfsManagerReportSiteInfo"
        53 "NetrServerTransportDelEx" 54 "NetrServerAliasAdd" 55 "NetrServerAliasEnum"
        56 "NetrServerAliasDel" 57 "NetrShareDelEx"
    }
    /// Workstation service, \[MS-WKST\].
    Wkssvc "wkssvc" [0x6bffd098_a112_3610_9833_46c3f87e345a] Win32 {
        0 "NetrWkstaGetInfo" 1 "NetrWkstaSetInfo" 2 "NetrWkstaUserEnum"
        5 "NetrWkstaTransportEnum" 6 "NetrWkstaTransportAdd" 7 "NetrWkstaTransportDel"
        8 "NetrUseAdd" 9 "NetrUseGetInfo" 10 "NetrUseDel" 11 "NetrUseEnum"
        13 "NetrWorkstationStatisticsGet" 20 "NetrGetJoinInformation" 22 "NetrJoinDomain2"
        23 "NetrUnjoinDomain2" 24 "NetrRenameMachineInDomain2" 25 "NetrValidateName2"
        26 "NetrGetJoinableOUs2" 27 "NetrAddAlternateComputerName"
        28 "NetrRemoveAlternateComputerName" 29 "NetrSetPrimaryComputerName"
        30 "NetrEnumerateComputerNames"
    }
    /// Print spooler, \[MS-RPRN\].
    Spoolss "spoolss" [0x12345678_1234_abcd_ef00_0123456789ab] Win32 {
        0 "RpcEnumPrinters" 1 "RpcOpenPrinter" 2 "RpcSetJob" 3 "RpcGetJob" 4 "RpcEnumJobs"
        5 "RpcAddPrinter" 6 "RpcDeletePrinter" 7 "RpcSetPrinter" 8 "RpcGetPrinter"
        9 "RpcAddPrinterDriver" 10 "RpcEnumPrinterDrivers" 11 "RpcGetPrinterDriver"
        12 "RpcGetPrinterDriverDirectory" 13 "RpcDeletePrinterDriver"
        14 "RpcAddPrintProcessor" 15 "RpcEnumPrintProcessors"
        16 "RpcGetPrintProcessorDirectory" 17 "RpcStartDocPrinter" 18 "RpcStartPagePrinter"
        19 "RpcWritePrinter" 20 "RpcEndPagePrinter" 21 "RpcAbortPrinter" 22 "RpcReadPrinter"
        23 "RpcEndDocPrinter" 24 "RpcAddJob" 25 "RpcScheduleJob" 26 "RpcGetPrinterData"
        27 "RpcSetPrinterData" 28 "RpcWaitForPrinterChange" 29 "RpcClosePrinter"
        30 "RpcAddForm" 31 "RpcDeleteForm" 32 "RpcGetForm" 33 "RpcSetForm" 34 "RpcEnumForms"
        35 "RpcEnumPorts" 36 "RpcEnumMonitors" 39 "RpcDeletePort" 40 "RpcCreatePrinterIC"
        41 "RpcPlayGdiScriptOnPrinterIC" 42 "RpcDeletePrinterIC" 46 "RpcAddMonitor"
        47 "RpcDeleteMonitor" 48 "RpcDeletePrintProcessor"
        51 "RpcEnumPrintProcessorDatatypes" 52 "RpcResetPrinter" 53 "RpcGetPrinterDriver2"
        56 "RpcFindClosePrinterChangeNotification" 58 "RpcReplyOpenPrinter"
        59 "RpcRouterReplyPrinter" 60 "RpcReplyClosePrinter" 61 "RpcAddPortEx"
        62 "RpcRemoteFindFirstPrinterChangeNotification"
        65 "RpcRemoteFindFirstPrinterChangeNotificationEx" 66 "RpcRouterReplyPrinterEx"
        67 "RpcRouterRefreshPrinterChangeNotification" 69 "RpcOpenPrinterEx"
        70 "RpcAddPrinterEx" 71 "RpcSetPort" 72 "RpcEnumPrinterData"
        73 "RpcDeletePrinterData" 77 "RpcSetPrinterDataEx" 78 "RpcGetPrinterDataEx"
        79 "RpcEnumPrinterDataEx" 80 "RpcEnumPrinterKey" 81 "RpcDeletePrinterDataEx"
        82 "RpcDeletePrinterKey" 84 "RpcDeletePrinterDriverEx"
        85 "RpcAddPerMachineConnection" 86 "RpcDeletePerMachineConnection"
        87 "RpcEnumPerMachineConnections" 88 "RpcXcvData" 89 "RpcAddPrinterDriverEx"
        96 "RpcFlushPrinter" 97 "RpcSendRecvBidiData" 102 "RpcGetCorePrinterDrivers"
        104 "RpcGetPrinterDriverPackagePath" 110 "RpcGetJobNamedPropertyValue"
        111 "RpcSetJobNamedProperty" 112 "RpcDeleteJobNamedProperty"
        113 "RpcEnumJobNamedProperties" 116 "RpcLogJobInfoForBranchOffice"
        117 "RpcRegeneratePrintDeviceCapabilities"
    }
    /// Encrypting file system, \[MS-EFSR\]: through its own pipe and through that of `lsarpc`.
    Efsrpc "efsrpc"
    [0xdf1941c5_fe89_4e79_bf10_463657acf44d 0xc681d488_d850_11d0_8c52_00c04fd90f7e] Win32 {
        0 "EfsRpcOpenFileRaw" 1 "EfsRpcReadFileRaw" 2 "EfsRpcWriteFileRaw" 3 "EfsRpcCloseRaw"
        4 "EfsRpcEncryptFileSrv" 5 "EfsRpcDecryptFileSrv" 6 "EfsRpcQueryUsersOnFile"
        7 "EfsRpcQueryRecoveryAgents" 8 "EfsRpcRemoveUsersFromFile" 9 "EfsRpcAddUsersToFile"
        11 "EfsRpcNotSupported" 12 "EfsRpcFileKeyInfo" 13 "EfsRpcDuplicateEncryptionInfoFile"
        15 "EfsRpcAddUsersToFileEx" 16 "EfsRpcFileKeyInfoEx" 18 "EfsRpcGetEncryptedFileMetadata"
        19 "EfsRpcSetEncryptedFileMetadata" 20 "EfsRpcFlushEfsCache" 21 "EfsRpcEncryptFileExSrv"
        22 "EfsRpcQueryProtectors"
    }
    /// Distributed file system namespaces, \[MS-DFSNM\].
    Netdfs "netdfs" [0x4fc742e0_4a10_11cf_8273_00aa004ae673] Win32 {
        0 "NetrDfsManagerGetVersion" 1 "NetrDfsAdd" 2 "NetrDfsRemove" 3 "NetrDfsSetInfo"
        4 "NetrDfsGetInfo" 5 "NetrDfsEnum" 6 "NetrDfsMove" 10 "NetrDfsAddFtRoot"
        11 "NetrDfsRemoveFtRoot" 12 "NetrDfsAddStdRoot" 13 "NetrDfsRemoveStdRoot"
        14 "NetrDfsManagerInitialize" 15 "NetrDfsAddStdRootForced" 16 "NetrDfsGetDcAddress"
        17 "NetrDfsSetDcAddress" 18 "NetrDfsFlushFtTable" 19 "NetrDfsAdd2"
        20 "NetrDfsRemove2" 21 "NetrDfsEnumEx" 22 "NetrDfsSetInfo2" 23 "NetrDfsAddRootTarget"
        24 "NetrDfsRemoveRootTarget" 25 "NetrDfsGetSupportedNamespaceVersion"
    }
    /// Task scheduler of old, \[MS-TSCH\] section 3.2.5.2.
    Atsvc "atsvc" [0x1ff70682_0a51_30e8_076d_740be8cee98b] Win32 {
        0 "NetrJobAdd" 1 "NetrJobDel" 2 "NetrJobEnum" 3 "NetrJobGetInfo"
    }
    /// Task scheduler, \[MS-TSCH\] section 3.2.5.4.
    TaskScheduler "ITaskSchedulerService" [0x86d35949_83c9_4044_b424_db363231fd0c] HResult {
        0 "SchRpcHighestVersion" 1 "SchRpcRegisterTask" 2 "SchRpcRetrieveTask"
        3 "SchRpcCreateFolder" 4 "SchRpcSetSecurity" 5 "SchRpcGetSecurity"
        6 "SchRpcEnumFolders" 7 "SchRpcEnumTasks" 8 "SchRpcEnumInstances"
        9 "SchRpcGetInstanceInfo" 10 "SchRpcStopInstance" 11 "SchRpcStop" 12 "SchRpcRun"
        13 "SchRpcDelete" 14 "SchRpcRename" 15 "SchRpcScheduledRuntimes"
        16 "SchRpcGetLastRunInfo" 17 "SchRpcGetTaskInfo" 18 "SchRpcGetNumberOfMissedRuns"
        19 "SchRpcEnableTask"
    }
    /// Remote registry, \[MS-RRP\].
    Winreg "winreg" [0x338cd001_2244_31f1_aaaa_900038001003] Win32 {
        0 "OpenClassesRoot" 1 "OpenCurrentUser" 2 "OpenLocalMachine" 3 "OpenPerformanceData"
        4 "OpenUsers" 5 "BaseRegCloseKey" 6 "BaseRegCreateKey" 7 "BaseRegDeleteKey"
        8 "BaseRegDeleteValue" 9 "BaseRegEnumKey" 10 "BaseRegEnumValue" 11 "BaseRegFlushKey"
        12 "BaseRegGetKeySecurity" 13 "BaseRegLoadKey" 15 "BaseRegOpenKey"
        16 "BaseRegQueryInfoKey" 17 "BaseRegQueryValue" 18 "BaseRegReplaceKey"
        19 "BaseRegRestoreKey" 20 "BaseRegSaveKey" 21 "BaseRegSetKeySecurity"
        22 "BaseRegSetValue" 23 "BaseRegUnLoadKey" 26 "BaseRegGetVersion"
        27 "OpenCurrentConfig" 29 "BaseRegQueryMultipleValues" 31 "BaseRegSaveKeyEx"
        32 "OpenPerformanceText" 33 "OpenPerformanceNlsText" 34 "BaseRegQueryMultipleValues2"
        35 "BaseRegDeleteKeyEx"
    }
    /// Event log, \[MS-EVEN\].
    Eventlog "eventlog" [0x82273fdc_e32a_18c3_3f78_827929dc23ea] NtStatus {
        0 "ElfrClearELFW" 1 "ElfrBackupELFW" 2 "ElfrCloseEL" 3 "ElfrDeregisterEventSource"
        4 "ElfrNumberOfRecords" 5 "ElfrOldestRecord" 6 "ElfrChangeNotify" 7 "ElfrOpenELW"
        8 "ElfrRegisterEventSourceW" 9 "ElfrOpenBELW" 10 "ElfrReadELW" 11 "ElfrReportEventW"
        12 "ElfrClearELFA" 13 "ElfrBackupELFA" 14 "ElfrOpenELA" 15 "ElfrRegisterEventSourceA"
        16 "ElfrOpenBELA" 17 "ElfrReadELA" 18 "ElfrReportEventA" 22 "ElfrGetLogInformation"
        24 "ElfrReportEventAndSourceW" 25 "ElfrReportEventExW" 26 "ElfrReportEventExA"
    }
    /// Remote snapshots of file shares, \[MS-FSRVP\].
    Fsrvp "fsrvp" [0xa8e0653c_2744_4389_a61d_7373df8b2292] HResult {
        0 "GetSupportedVersion" 1 "SetContext" 2 "StartShadowCopySet" 3 "AddToShadowCopySet"
        4 "CommitShadowCopySet" 5 "ExposeShadowCopySet" 6 "RecoveryCompleteShadowCopySet"
        7 "AbortShadowCopySet" 8 "IsPathSupported" 9 "IsPathShadowCopied"
        10 "GetShareMapping" 11 "DeleteShareMapping" 12 "PrepareShadowCopySet"
    }
    /// Roles of a server in a domain, \[MS-DSSP\].
    Dssetup "dssetup" [0x3919286a_b10c_11d0_9ba8_00c04fd92ef5] Win32 {
        0 "DsRolerGetPrimaryDomainInformation"
    }
    /// Backup keys, \[MS-BKRP\].
    Bkrp "bkrp" [0x3dde7c30_165d_11d1_ab8f_00805f14db40] Win32 {
        0 "BackuprKey"
    }
    /// Certificates, \[MS-ICPR\].
    Icpr "icpr" [0x91ae6020_9e3c_11cf_8d7c_00aa00c091be] HResult {
        0 "CertServerRequest"
    }
    /// Where objects are, \[MS-DCOM\] section 3.1.2.5.1.
    ObjectExporter "IObjectExporter" [0x99fcfec4_5260_101b_bbcb_00aa0021347a] Win32 {
        0 "ResolveOxid" 1 "SimplePing" 2 "ComplexPing" 3 "ServerAlive" 4 "ResolveOxid2"
        5 "ServerAlive2"
    }
    /// Creates objects, \[MS-DCOM\] section 3.1.2.5.2.3; also called ISystemActivator.
    ScmActivator "IRemoteSCMActivator" [0x000001a0_0000_0000_c000_000000000046] HResult {
        3 "RemoteGetClassObject" 4 "RemoteCreateInstance"
    }
    /// Created objects of old, \[MS-DCOM\] section 3.1.2.5.2.3.1.
    Activation "IActivation" [0x4d9f4ab8_7d1c_11cf_861e_0020af6e7c57] HResult {
        0 "RemoteActivation"
    }
    /// References to objects, \[MS-DCOM\] section 3.1.1.5.6.
    RemUnknown "IRemUnknown"
    [0x00000131_0000_0000_c000_000000000046 0x00000143_0000_0000_c000_000000000046] HResult {
        3 "RemQueryInterface" 4 "RemAddRef" 5 "RemRelease" 6 "RemQueryInterface2"
    }
    /// Begins management, \[MS-WMI\] section 3.1.4.1.
    WbemLogin "IWbemLevel1Login" [0xf309ad18_d86a_11d0_a075_00c04fb68820] HResult {
        3 "EstablishPosition" 4 "RequestChallenge" 5 "WBEMLogin" 6 "NTLMLogin"
    }
    /// Management, \[MS-WMI\] section 3.1.4.3.
    WbemServices "IWbemServices" [0x9556dc99_828c_11cf_a37e_00aa003240c7] HResult {
        3 "OpenNamespace" 4 "CancelAsyncCall" 5 "QueryObjectSink" 6 "GetObject"
        7 "GetObjectAsync" 8 "PutClass" 9 "PutClassAsync" 10 "DeleteClass"
        11 "DeleteClassAsync" 12 "CreateClassEnum" 13 "CreateClassEnumAsync" 14 "PutInstance"
        15 "PutInstanceAsync" 16 "DeleteInstance" 17 "DeleteInstanceAsync"
        18 "CreateInstanceEnum" 19 "CreateInstanceEnumAsync" 20 "ExecQuery"
        21 "ExecQueryAsync" 22 "ExecNotificationQuery" 23 "ExecNotificationQueryAsync"
        24 "ExecMethod" 25 "ExecMethodAsync"
    }
    /// Results of management, \[MS-WMI\] section 3.1.4.4.
    WbemEnum "IEnumWbemClassObject" [0x027947e1_d731_11ce_a357_000000000001] HResult {
        3 "Reset" 4 "Next" 5 "NextAsync" 6 "Clone" 7 "Skip"
    }
    /// What every server answers about itself, C706 appendix Q.
    Mgmt "mgmt" [0xafa8bd80_7d8a_11c9_bef4_08002b102989] Nothing {
        0 "inq_if_ids" 1 "inq_stats" 2 "is_server_listening" 3 "stop_server_listening"
        4 "inq_princ_name"
    }
    /// Shutdown, \[MS-RSP\].
    InitShutdown "initshutdown" [0x894de0c0_0d55_11d3_a322_00c04fa321a1] Win32 {
        0 "BaseInitiateShutdown" 1 "BaseAbortShutdown" 2 "BaseInitiateShutdownEx"
    }
    /// Windows time.
    W32Time "w32time" [0x8fb6d884_2388_11d0_8c35_00c04fda2795] Win32 {}
    /// DNS server, \[MS-DNSP\].
    DnsServer "dnsserver" [0x50abc2a4_574d_40b3_9d66_ee4fd5fba076] Win32 {
        0 "R_DnssrvOperation" 1 "R_DnssrvQuery" 2 "R_DnssrvComplexOperation"
        3 "R_DnssrvEnumRecords" 4 "R_DnssrvUpdateRecord" 5 "R_DnssrvOperation2"
        6 "R_DnssrvQuery2" 7 "R_DnssrvComplexOperation2" 8 "R_DnssrvEnumRecords2"
        9 "R_DnssrvUpdateRecord2"
    }
    /// Devices.
    Pnp "pnp" [0x8d9f4e40_a03d_11ce_8f69_08003e30051b] Win32 {}
    /// Computer browser.
    Browser "browser" [0x6bffd098_a112_3610_9833_012892020162] Win32 {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stands_where_its_variant_says_and_its_numbers_ascend() {
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(row.service as usize, at);
            assert!(row.operations.is_sorted_by(|a, b| a.0 < b.0), "{}", row.name);
            assert!(row.operations.iter().all(|(number, _)| u32::from(*number) != UNNAMED));
            for &uuid in row.uuids {
                assert_eq!(Service::of(Uuid(uuid)), Some(row.service), "{} twice", row.name);
            }
        }
    }

    #[test]
    fn a_code_tells_interface_and_operation() {
        let told = |service: Service, opnum| name(service.code(opnum));
        assert_eq!(told(Service::Samr, Some(64)), Some("samr.SamrConnect5"));
        assert_eq!(told(Service::Epm, Some(3)), Some("epm.ept_map"));
        assert_eq!(told(Service::Samr, Some(60)), Some("samr"));
        assert_eq!(told(Service::Browser, None), Some("browser"));
        assert_eq!(name(UNKNOWN), Some("unknown interface"));
        assert_eq!((name(11), name(0xfffe_0000)), (None, None));
        assert_eq!(Service::Samr.operation(17), Some("SamrLookupNamesInDomain"));
        assert_eq!(Service::Lsarpc.operation(133), Some("LsarSetForestTrustInformation2"));
    }
}
