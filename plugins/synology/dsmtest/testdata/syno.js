// Lists users and groups of a DSM with the public client syno, as its manual says. Arguments: folder of node_modules, port.
const Syno = require(process.argv[2] + '/node_modules/syno');
const syno = new Syno({protocol: 'http', host: '127.0.0.1', port: process.argv[3], account: 'claimsmith', passwd: 'correct horse'});
const names = list => list.map(x => x.name + (x.email ? ' <' + x.email + '>' : ''));
const stop = error => { console.error(error.code, error.message); process.exit(1); };

syno.dsm.listUsers({type: 'local', offset: 0, limit: -1, additional: JSON.stringify(['email'])}, (error, users) => {
  if (error) stop(error);
  syno.dsm.listGroups({offset: 0, limit: -1}, (error, groups) => {
    if (error) stop(error);
    syno.auth.logout('DiskStationManager', error => {
      if (error) stop(error);
      console.log(JSON.stringify({users: names(users.users), groups: names(groups.groups)}));
    });
  });
});
