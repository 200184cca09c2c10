package gossip

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/secure"
)

// Config says who a member is and where it finds the others.
type Config struct {
	// Name and Role say who the member is. No other member of its role may have
	// its name.
	Name string
	Role Role
	// Cluster is the id of the cluster. Members of others are not heard.
	Cluster string
	// Address is where the member answers calls, host:port, which it tells the
	// others.
	Address string

	// Listen is where it gossips, host:port, over UDP and TCP. Port 0 is a free
	// one. Without it this machine alone is listened to, on a free port. Where it is
	// every address of this machine, others are told a private one, which Advertise
	// should say: there may be several, also of IPv6.
	Listen string
	// Advertise is where others reach that, host:port, if they do so by another
	// address; port 0 is the one that is listened on. A name is resolved once.
	Advertise string
	// Key encrypts gossip: 16, 24 or 32 bytes. It must be given where others than
	// this machine are listened to.
	Key secure.Secret

	// Seeds are gossip addresses of members, host:port. A name is resolved again
	// before each use, to all of its addresses.
	Seeds []string
	// PeersFile keeps where the members that were seen gossip, for the next start;
	// without it nothing is kept. Its directory is there.
	PeersFile string

	// Log takes what an operator should know; nil keeps nothing.
	Log *slog.Logger

	// rejoin is the time between attempts to find lost members; 0 is rejoinEvery.
	rejoin time.Duration
	// tune, when set, changes how memberlist works.
	tune func(*memberlist.Config)
}

const (
	// rejoinEvery is how often lost members are looked for. A partition that has
	// healed is noticed within half a minute by that.
	rejoinEvery = 15 * time.Second
	maxSeeds    = 64
)

// settings are a Config that has been checked.
type settings struct {
	Config
	listen    netip.AddrPort
	advertise netip.AddrPort // not valid: what is listened on
	loopback  bool
}

// check refuses what cannot work. ctx bounds the resolution of names.
func (c Config) check(ctx context.Context) (settings, error) {
	s := settings{Config: c}
	if s.Listen == "" {
		s.Listen = "127.0.0.1:0"
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.rejoin == 0 {
		s.rejoin = rejoinEvery
	}
	checks := []func() error{
		func() error { return checkName("the name", c.Name, maxNameBytes) },
		func() error { return checkName("the cluster", c.Cluster, maxClusterBytes) },
		func() error { return checkAddress("the address", c.Address) },
		c.checkRole,
		c.checkSeeds,
		s.checkDoor,
		func() error { return s.resolve(ctx) },
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return settings{}, err
		}
	}
	return s, nil
}

func (c Config) checkRole() error {
	if !c.Role.known() {
		return fault.New(fault.Invalid, "no member of gossip has the %v", c.Role)
	}
	return nil
}

func (c Config) checkSeeds() error {
	if len(c.Seeds) > maxSeeds {
		return fault.New(fault.Invalid, "%d seeds are more than %d: a few members are enough, they know the others", len(c.Seeds), maxSeeds)
	}
	for _, seed := range c.Seeds {
		if err := checkAddress("the seed", seed); err != nil {
			return err
		}
	}
	return nil
}

// checkDoor refuses to be reached by others without a key. Certificates are no
// part of gossip: what it finds proves itself when it is called.
func (s *settings) checkDoor() error {
	given := s.Key.Given()
	if n := len(s.Key.Reveal()); given && n != 16 && n != 24 && n != 32 {
		return fault.New(fault.Invalid, "the gossip key has %d bytes, want 16, 24 or 32", n)
	}
	if err := secure.CheckListen(s.Listen, true, given); err != nil {
		return err
	}
	if s.loopback = secure.IsLoopback(s.Listen); s.Advertise == "" {
		return nil
	}
	return secure.CheckListen(s.Advertise, true, given)
}

func (s *settings) resolve(ctx context.Context) (err error) {
	if s.listen, err = resolveOne(ctx, "listen on", s.Listen); err != nil {
		return err
	}
	if s.Advertise != "" {
		if s.advertise, err = resolveOne(ctx, "advertise", s.Advertise); err != nil {
			return err
		}
	}
	switch {
	case s.advertise.IsValid() && s.advertise.Addr().IsUnspecified():
		return fault.New(fault.Invalid, "advertise %s: others cannot connect to that: name an address of this machine", s.Advertise)
	case s.listen.Addr().IsUnspecified() && s.listen.Addr().Is6() && !s.advertise.IsValid():
		return fault.New(fault.Invalid, "listen on %s: say which address of this machine others connect to (advertise)", s.Listen)
	}
	return nil
}

// resolveOne turns an address into one without a name. An empty host is every
// address of this machine. do says in messages what is done with it.
func resolveOne(ctx context.Context, do, addr string) (netip.AddrPort, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, fault.New(fault.Invalid, "%s %q: not an address: write host:port, such as 127.0.0.1:7446", do, addr)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fault.New(fault.Invalid, "%s %q: the port is no number below 65536", do, addr)
	}
	if host == "" {
		host = netip.IPv4Unspecified().String()
	}
	ips, err := lookup(ctx, host)
	if err != nil {
		return netip.AddrPort{}, fault.New(fault.Invalid, "%s %s: %w", do, addr, err)
	}
	return netip.AddrPortFrom(ips[0], uint16(port)), nil
}

// lookup returns the addresses of a host, at least one. localhost is the address
// of IPv4: no resolver decides what this machine is.
func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if secure.IsLoopback(net.JoinHostPort(host, "0")) && !isIP(host) {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	for i, ip := range ips {
		ips[i] = ip.Unmap().WithZone("")
	}
	return ips, nil
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
