package app

import (
	"context"

	"fullsync/internal/auth"
	"fullsync/internal/outside"
	"fullsync/internal/peer"
)

// openProvider returns the identity provider whose tokens the API accepts, nil where none is configured. Stop ends its reading of keys.
func (a *App) openProvider() (*outside.Provider, error) {
	if a.cfg.OIDCIssuer == "" {
		return nil, nil
	}
	roles := map[string]auth.Role{}
	named, _ := a.cfg.OutsideRoles() // the configuration was checked
	for value, role := range named {
		roles[value] = auth.Role(role)
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stopProvider = stop
	return outside.Open(ctx, outside.Options{
		Issuer: a.cfg.OIDCIssuer, Audience: a.cfg.OIDCAudience, KeysURL: a.cfg.OIDCKeysURL, NameClaim: a.cfg.OIDCNameClaim, RoleClaim: a.cfg.OIDCRoleClaim,
		Roles: roles, Client: peer.NewClient(), RefreshAtMost: a.opt.RefreshKeysAtMost,
	}, a.log)
}
