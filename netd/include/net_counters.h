/*
 * net_counters.h - what a host has counted, under the names and in the order of Linux's
 * /proc/net/snmp and netstat. Those that this engine has no occasion to count stay 0.
 *
 * NET_COUNTERS(X) expands X(group, name) for each; the enumerator is NET_group_name. The settings
 * among them (Forwarding, DefaultTTL, RtoMin, ...) are filled in by net_counters().
 */
#ifndef NET_COUNTERS_H
#define NET_COUNTERS_H

#include "net.h"

#define NET_COUNTERS(X) \
	X(Ip, Forwarding) \
	X(Ip, DefaultTTL) \
	X(Ip, InReceives) \
	X(Ip, InHdrErrors) \
	X(Ip, InAddrErrors) \
	X(Ip, ForwDatagrams) \
	X(Ip, InUnknownProtos) \
	X(Ip, InDiscards) \
	X(Ip, InDelivers) \
	X(Ip, OutRequests) \
	X(Ip, OutDiscards) \
	X(Ip, OutNoRoutes) \
	X(Ip, ReasmTimeout) \
	X(Ip, ReasmReqds) \
	X(Ip, ReasmOKs) \
	X(Ip, ReasmFails) \
	X(Ip, FragOKs) \
	X(Ip, FragFails) \
	X(Ip, FragCreates) \
	X(Ip, OutTransmits) \
	X(Icmp, InMsgs) \
	X(Icmp, InErrors) \
	X(Icmp, InCsumErrors) \
	X(Icmp, InDestUnreachs) \
	X(Icmp, InTimeExcds) \
	X(Icmp, InParmProbs) \
	X(Icmp, InSrcQuenchs) \
	X(Icmp, InRedirects) \
	X(Icmp, InEchos) \
	X(Icmp, InEchoReps) \
	X(Icmp, InTimestamps) \
	X(Icmp, InTimestampReps) \
	X(Icmp, InAddrMasks) \
	X(Icmp, InAddrMaskReps) \
	X(Icmp, OutMsgs) \
	X(Icmp, OutErrors) \
	X(Icmp, OutRateLimitGlobal) \
	X(Icmp, OutRateLimitHost) \
	X(Icmp, OutDestUnreachs) \
	X(Icmp, OutTimeExcds) \
	X(Icmp, OutParmProbs) \
	X(Icmp, OutSrcQuenchs) \
	X(Icmp, OutRedirects) \
	X(Icmp, OutEchos) \
	X(Icmp, OutEchoReps) \
	X(Icmp, OutTimestamps) \
	X(Icmp, OutTimestampReps) \
	X(Icmp, OutAddrMasks) \
	X(Icmp, OutAddrMaskReps) \
	X(Tcp, RtoAlgorithm) \
	X(Tcp, RtoMin) \
	X(Tcp, RtoMax) \
	X(Tcp, MaxConn) \
	X(Tcp, ActiveOpens) \
	X(Tcp, PassiveOpens) \
	X(Tcp, AttemptFails) \
	X(Tcp, EstabResets) \
	X(Tcp, CurrEstab) \
	X(Tcp, InSegs) \
	X(Tcp, OutSegs) \
	X(Tcp, RetransSegs) \
	X(Tcp, InErrs) \
	X(Tcp, OutRsts) \
	X(Tcp, InCsumErrors) \
	X(Udp, InDatagrams) \
	X(Udp, NoPorts) \
	X(Udp, InErrors) \
	X(Udp, OutDatagrams) \
	X(Udp, RcvbufErrors) \
	X(Udp, SndbufErrors) \
	X(Udp, InCsumErrors) \
	X(Udp, IgnoredMulti) \
	X(Udp, MemErrors) \
	X(TcpExt, SyncookiesSent) \
	X(TcpExt, SyncookiesRecv) \
	X(TcpExt, SyncookiesFailed) \
	X(TcpExt, EmbryonicRsts) \
	X(TcpExt, PruneCalled) \
	X(TcpExt, RcvPruned) \
	X(TcpExt, OfoPruned) \
	X(TcpExt, OutOfWindowIcmps) \
	X(TcpExt, LockDroppedIcmps) \
	X(TcpExt, ArpFilter) \
	X(TcpExt, TW) \
	X(TcpExt, TWRecycled) \
	X(TcpExt, TWKilled) \
	X(TcpExt, PAWSActive) \
	X(TcpExt, PAWSEstab) \
	X(TcpExt, BeyondWindow) \
	X(TcpExt, TSEcrRejected) \
	X(TcpExt, PAWSOldAck) \
	X(TcpExt, PAWSTimewait) \
	X(TcpExt, DelayedACKs) \
	X(TcpExt, DelayedACKLocked) \
	X(TcpExt, DelayedACKLost) \
	X(TcpExt, ListenOverflows) \
	X(TcpExt, ListenDrops) \
	X(TcpExt, TCPHPHits) \
	X(TcpExt, TCPPureAcks) \
	X(TcpExt, TCPHPAcks) \
	X(TcpExt, TCPRenoRecovery) \
	X(TcpExt, TCPSackRecovery) \
	X(TcpExt, TCPSACKReneging) \
	X(TcpExt, TCPSACKReorder) \
	X(TcpExt, TCPRenoReorder) \
	X(TcpExt, TCPTSReorder) \
	X(TcpExt, TCPFullUndo) \
	X(TcpExt, TCPPartialUndo) \
	X(TcpExt, TCPDSACKUndo) \
	X(TcpExt, TCPLossUndo) \
	X(TcpExt, TCPLostRetransmit) \
	X(TcpExt, TCPRenoFailures) \
	X(TcpExt, TCPSackFailures) \
	X(TcpExt, TCPLossFailures) \
	X(TcpExt, TCPFastRetrans) \
	X(TcpExt, TCPSlowStartRetrans) \
	X(TcpExt, TCPTimeouts) \
	X(TcpExt, TCPLossProbes) \
	X(TcpExt, TCPLossProbeRecovery) \
	X(TcpExt, TCPRenoRecoveryFail) \
	X(TcpExt, TCPSackRecoveryFail) \
	X(TcpExt, TCPRcvCollapsed) \
	X(TcpExt, TCPBacklogCoalesce) \
	X(TcpExt, TCPDSACKOldSent) \
	X(TcpExt, TCPDSACKOfoSent) \
	X(TcpExt, TCPDSACKRecv) \
	X(TcpExt, TCPDSACKOfoRecv) \
	X(TcpExt, TCPAbortOnData) \
	X(TcpExt, TCPAbortOnClose) \
	X(TcpExt, TCPAbortOnMemory) \
	X(TcpExt, TCPAbortOnTimeout) \
	X(TcpExt, TCPAbortOnLinger) \
	X(TcpExt, TCPAbortFailed) \
	X(TcpExt, TCPMemoryPressures) \
	X(TcpExt, TCPMemoryPressuresChrono) \
	X(TcpExt, TCPSACKDiscard) \
	X(TcpExt, TCPDSACKIgnoredOld) \
	X(TcpExt, TCPDSACKIgnoredNoUndo) \
	X(TcpExt, TCPSpuriousRTOs) \
	X(TcpExt, TCPMD5NotFound) \
	X(TcpExt, TCPMD5Unexpected) \
	X(TcpExt, TCPMD5Failure) \
	X(TcpExt, TCPSackShifted) \
	X(TcpExt, TCPSackMerged) \
	X(TcpExt, TCPSackShiftFallback) \
	X(TcpExt, TCPBacklogDrop) \
	X(TcpExt, PFMemallocDrop) \
	X(TcpExt, TCPMinTTLDrop) \
	X(TcpExt, TCPDeferAcceptDrop) \
	X(TcpExt, IPReversePathFilter) \
	X(TcpExt, TCPTimeWaitOverflow) \
	X(TcpExt, TCPReqQFullDoCookies) \
	X(TcpExt, TCPReqQFullDrop) \
	X(TcpExt, TCPRetransFail) \
	X(TcpExt, TCPRcvCoalesce) \
	X(TcpExt, TCPOFOQueue) \
	X(TcpExt, TCPOFODrop) \
	X(TcpExt, TCPOFOMerge) \
	X(TcpExt, TCPChallengeACK) \
	X(TcpExt, TCPSYNChallenge) \
	X(TcpExt, TCPFastOpenActive) \
	X(TcpExt, TCPFastOpenActiveFail) \
	X(TcpExt, TCPFastOpenPassive) \
	X(TcpExt, TCPFastOpenPassiveFail) \
	X(TcpExt, TCPFastOpenListenOverflow) \
	X(TcpExt, TCPFastOpenCookieReqd) \
	X(TcpExt, TCPFastOpenBlackhole) \
	X(TcpExt, TCPSpuriousRtxHostQueues) \
	X(TcpExt, BusyPollRxPackets) \
	X(TcpExt, TCPAutoCorking) \
	X(TcpExt, TCPFromZeroWindowAdv) \
	X(TcpExt, TCPToZeroWindowAdv) \
	X(TcpExt, TCPWantZeroWindowAdv) \
	X(TcpExt, TCPSynRetrans) \
	X(TcpExt, TCPOrigDataSent) \
	X(TcpExt, TCPHystartTrainDetect) \
	X(TcpExt, TCPHystartTrainCwnd) \
	X(TcpExt, TCPHystartDelayDetect) \
	X(TcpExt, TCPHystartDelayCwnd) \
	X(TcpExt, TCPACKSkippedSynRecv) \
	X(TcpExt, TCPACKSkippedPAWS) \
	X(TcpExt, TCPACKSkippedSeq) \
	X(TcpExt, TCPACKSkippedFinWait2) \
	X(TcpExt, TCPACKSkippedTimeWait) \
	X(TcpExt, TCPACKSkippedChallenge) \
	X(TcpExt, TCPWinProbe) \
	X(TcpExt, TCPKeepAlive) \
	X(TcpExt, TCPMTUPFail) \
	X(TcpExt, TCPMTUPSuccess) \
	X(TcpExt, TCPDelivered) \
	X(TcpExt, TCPDeliveredCE) \
	X(TcpExt, TCPAckCompressed) \
	X(TcpExt, TCPZeroWindowDrop) \
	X(TcpExt, TCPRcvQDrop) \
	X(TcpExt, TCPWqueueTooBig) \
	X(TcpExt, TCPFastOpenPassiveAltKey) \
	X(TcpExt, TcpTimeoutRehash) \
	X(TcpExt, TcpDuplicateDataRehash) \
	X(TcpExt, TCPDSACKRecvSegs) \
	X(TcpExt, TCPDSACKIgnoredDubious) \
	X(TcpExt, TCPMigrateReqSuccess) \
	X(TcpExt, TCPMigrateReqFailure) \
	X(TcpExt, TCPPLBRehash) \
	X(TcpExt, TCPAORequired) \
	X(TcpExt, TCPAOBad) \
	X(TcpExt, TCPAOKeyNotFound) \
	X(TcpExt, TCPAOGood) \
	X(TcpExt, TCPAODroppedIcmps) \
	X(IpExt, InNoRoutes) \
	X(IpExt, InTruncatedPkts) \
	X(IpExt, InMcastPkts) \
	X(IpExt, OutMcastPkts) \
	X(IpExt, InBcastPkts) \
	X(IpExt, OutBcastPkts) \
	X(IpExt, InOctets) \
	X(IpExt, OutOctets) \
	X(IpExt, InMcastOctets) \
	X(IpExt, OutMcastOctets) \
	X(IpExt, InBcastOctets) \
	X(IpExt, OutBcastOctets) \
	X(IpExt, InCsumErrors) \
	X(IpExt, InNoECTPkts) \
	X(IpExt, InECT1Pkts) \
	X(IpExt, InECT0Pkts) \
	X(IpExt, InCEPkts) \
	X(IpExt, ReasmOverlaps)

#define NET_COUNTER_ENUM(group, name) NET_##group##_##name,
enum net_counter { NET_COUNTERS(NET_COUNTER_ENUM) NET_COUNTERS_END };
#undef NET_COUNTER_ENUM

struct net_counter_info { const char *group, *name; };
extern const struct net_counter_info net_counter_names[NET_COUNTERS_END];

/* Version 6: under the names and in the order of /proc/net/snmp6. TCP counts in one place for both versions. */
#define NET_COUNTERS6(X) \
	X(Ip6InReceives) \
	X(Ip6InHdrErrors) \
	X(Ip6InTooBigErrors) \
	X(Ip6InNoRoutes) \
	X(Ip6InAddrErrors) \
	X(Ip6InUnknownProtos) \
	X(Ip6InTruncatedPkts) \
	X(Ip6InDiscards) \
	X(Ip6InDelivers) \
	X(Ip6OutForwDatagrams) \
	X(Ip6OutRequests) \
	X(Ip6OutDiscards) \
	X(Ip6OutNoRoutes) \
	X(Ip6ReasmTimeout) \
	X(Ip6ReasmReqds) \
	X(Ip6ReasmOKs) \
	X(Ip6ReasmFails) \
	X(Ip6FragOKs) \
	X(Ip6FragFails) \
	X(Ip6FragCreates) \
	X(Ip6InMcastPkts) \
	X(Ip6OutMcastPkts) \
	X(Ip6InOctets) \
	X(Ip6OutOctets) \
	X(Ip6InMcastOctets) \
	X(Ip6OutMcastOctets) \
	X(Ip6InBcastOctets) \
	X(Ip6OutBcastOctets) \
	X(Ip6InNoECTPkts) \
	X(Ip6InECT1Pkts) \
	X(Ip6InECT0Pkts) \
	X(Ip6InCEPkts) \
	X(Ip6OutTransmits) \
	X(Icmp6InMsgs) \
	X(Icmp6InErrors) \
	X(Icmp6OutMsgs) \
	X(Icmp6OutErrors) \
	X(Icmp6InCsumErrors) \
	X(Icmp6OutRateLimitHost) \
	X(Icmp6InDestUnreachs) \
	X(Icmp6InPktTooBigs) \
	X(Icmp6InTimeExcds) \
	X(Icmp6InParmProblems) \
	X(Icmp6InEchos) \
	X(Icmp6InEchoReplies) \
	X(Icmp6InGroupMembQueries) \
	X(Icmp6InGroupMembResponses) \
	X(Icmp6InGroupMembReductions) \
	X(Icmp6InRouterSolicits) \
	X(Icmp6InRouterAdvertisements) \
	X(Icmp6InNeighborSolicits) \
	X(Icmp6InNeighborAdvertisements) \
	X(Icmp6InRedirects) \
	X(Icmp6InMLDv2Reports) \
	X(Icmp6OutDestUnreachs) \
	X(Icmp6OutPktTooBigs) \
	X(Icmp6OutTimeExcds) \
	X(Icmp6OutParmProblems) \
	X(Icmp6OutEchos) \
	X(Icmp6OutEchoReplies) \
	X(Icmp6OutGroupMembQueries) \
	X(Icmp6OutGroupMembResponses) \
	X(Icmp6OutGroupMembReductions) \
	X(Icmp6OutRouterSolicits) \
	X(Icmp6OutRouterAdvertisements) \
	X(Icmp6OutNeighborSolicits) \
	X(Icmp6OutNeighborAdvertisements) \
	X(Icmp6OutRedirects) \
	X(Icmp6OutMLDv2Reports) \
	X(Udp6InDatagrams) \
	X(Udp6NoPorts) \
	X(Udp6InErrors) \
	X(Udp6OutDatagrams) \
	X(Udp6RcvbufErrors) \
	X(Udp6SndbufErrors) \
	X(Udp6InCsumErrors) \
	X(Udp6IgnoredMulti) \
	X(Udp6MemErrors)

#define NET_COUNTER_ENUM(name) NET6_##name,
enum net_counter6 { NET_COUNTERS6(NET_COUNTER_ENUM) NET_COUNTERS6_END };
#undef NET_COUNTER_ENUM
extern const char *const net_counter6_names[NET_COUNTERS6_END];
void net_counters6(const struct net_host *h, int64_t out[NET_COUNTERS6_END]);
/* ICMP version 6: messages received and sent of each type. */
void net_icmp6_types(const struct net_host *h, uint64_t in[256], uint64_t out[256]);

/* All of them, by enum net_counter. MaxConn is -1: print as signed. */
void net_counters(const struct net_host *h, int64_t out[NET_COUNTERS_END]);
/* IcmpMsg: messages received and sent of each type. */
void net_icmp_types(const struct net_host *h, uint64_t in[256], uint64_t out[256]);

/* /proc/net/sockstat and sockstat6 */
struct net_sockstat { uint64_t tcp6_inuse, udp6_inuse, frag6_inuse, frag6_memory; uint64_t used, tcp_inuse, tcp_orphan, tcp_tw, tcp_alloc, udp_inuse, icmp_inuse, frag_inuse, frag_memory; };
void net_sockstat(const struct net_host *h, struct net_sockstat *out);

#endif
